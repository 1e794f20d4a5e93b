"""What all tests of the store share."""

from tests.integration.store.place import place as place
