"""What every section of the stack file is made of: its base and the kinds of its values."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Score = Annotated[float, Field(ge=0, le=1)]
Words = tuple[str, ...]
NonEmpty = Annotated[str, Field(min_length=1, max_length=500)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s@/]+(/[^\s@]*)?$", max_length=2000)]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


class Part(BaseModel):
    """Unchanging, and no key but those named."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )
