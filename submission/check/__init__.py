"""Holds the tree of a submission to a round's rules, and to what the rules leave open.

``check_tree`` reads a tree and returns every finding; ``RULES`` lists what it looks for.
"""

from loadscope.submission.check.engine import Report, check_tree
from loadscope.submission.check.rule import Finding, Rule
from loadscope.submission.check.tables import RULES

__all__ = ["RULES", "Finding", "Report", "Rule", "check_tree"]
