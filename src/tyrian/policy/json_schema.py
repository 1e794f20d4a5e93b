"""The policy file as JSON Schema, for editors."""

from typing import Any

from tyrian.policy.schema import PolicySpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_json_schema() -> dict[str, Any]:
    """The schema of the policy file, with the description of every key."""
    schema = PolicySpec.model_json_schema(mode="validation")
    for definition in (schema, *schema.get("$defs", {}).values()):
        for field in definition.get("properties", {}).values():
            field.pop("title", None)
    return {"$schema": DIALECT, **schema, "title": "Tyrian policy file"}
