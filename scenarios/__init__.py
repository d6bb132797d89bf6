"""How LoadGen's scenarios issue work to a backend, and how LoadGen is configured."""

from loadscope.names import Mode, Scenario
from loadscope.rundir.user_conf import UserConf
from loadscope.scenarios.execution import Execution

__all__ = ["Execution", "Mode", "Scenario", "UserConf"]
