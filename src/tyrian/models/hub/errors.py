"""What can go wrong between the hub and the disk.

TyrianError
└── HubError           the hub, the network or the disk did not give what was asked for
    ├── AccessError    the hub refuses this user: terms not accepted, token missing or wrong
    ├── OfflineError   no network, or the user said that none may be used
    └── RefusedError   what came, or what lies here, must not be used (wrong digest, pickle)
"""

from tyrian.errors import TyrianError


class HubError(TyrianError):
    """The hub, the network or the disk did not give what was asked for."""


class AccessError(HubError):
    """The hub refuses this user: its terms are not accepted, or the token is missing or wrong."""


class OfflineError(HubError):
    """The hub cannot be reached, or the user said that it must not be."""


class RefusedError(HubError):
    """What came, or what lies here, must not be used: another digest, or weights that run code."""
