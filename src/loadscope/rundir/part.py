"""What every JSON object of a run directory is."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A JSON object of a run directory: frozen, and of known keys and finite numbers alone."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False
    )
