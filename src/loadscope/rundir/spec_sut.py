"""A SUT that is elsewhere: its address, and which settings are then its own."""

from typing import Annotated, Self

from pydantic import BaseModel, model_validator

from loadscope.rundir.spec_fields import Group, told
from loadscope.rundir.spec_names import SutAddress

_OF_THE_SUT = ("device", "threads", "instances", "options", "layout")


class SutSpec(BaseModel):
    """The field of a ``RunSpec`` that is for the network alone."""

    sut: Annotated[
        SutAddress | None,
        told(
            Group.EXECUTION,
            "Address of a SUT that has the model, as http://HOST:8766 of loadscope serve-sut; "
            "LoadGen and its queries stay here.",
        ),
    ] = None

    @model_validator(mode="after")
    def _settings_of_the_sut_are_its_own(self) -> Self:
        if self.sut is not None:
            for name in _OF_THE_SUT:
                if getattr(self, name) != type(self).model_fields[name].get_default():
                    raise ValueError(f"{name}: is the SUT's; give it to loadscope serve-sut")
        return self
