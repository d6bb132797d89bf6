"""How LoadGen's scenarios issue work to a backend, and how LoadGen is configured."""

from loadscope.scenarios.execution import Execution
from loadscope.scenarios.names import Mode, Scenario
from loadscope.scenarios.user_conf import UserConf

__all__ = ["Execution", "Mode", "Scenario", "UserConf"]
