"""All tables: importing this module makes `Base.metadata` whole, as migrations need it."""

from typing import Final

from sqlalchemy import MetaData

from tyrian.gateway.store.models import (
    audit,
    decisions,
    dialects,
    keys,
    money,
    organisations,
    playground,
    reviews,
    roles,
    sign_in,
    spending,
)
from tyrian.gateway.store.models.base import Base

MODULES: Final = (
    audit,
    decisions,
    dialects,
    keys,
    money,
    organisations,
    playground,
    reviews,
    roles,
    sign_in,
    spending,
)
"""A new module of tables is added here; a test holds that none is missing."""

METADATA: Final[MetaData] = Base.metadata
