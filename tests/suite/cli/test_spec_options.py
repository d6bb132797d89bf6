from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from loadscope.names import Mode, Scenario
from loadscope.rundir.spec import RunSpec
from loadscope.rundir.spec_arguments import spec_arguments
from loadscope.rundir.spec_fields import Group
from loadscope.suite.cli.asked import read_specs
from loadscope.suite.cli.main import cli
from loadscope.suite.cli.plan import plan_command
from loadscope.suite.cli.run import run_command
from loadscope.suite.cli.spec_options import FIELDS, SpecOption, given_settings
from loadscope.suite.cli.trace import trace_command
from loadscope.suite.cli.tune import tune_command

COMMANDS = [run_command, trace_command, tune_command, plan_command]
SEARCHED = {
    "model", "framework", "dataset_path", "count", "datasets", "models", "scenario",
    "server_target_latency", "device", "layout", "layout_seconds",
    "task", "preprocess", "labels", "shape", "input_data", "random_inputs",
}  # fmt: skip
UNTRACED = {"mode", "min_duration", "min_query_count", "repeat", "instances"}

# What is written for each field, and what of it is in the spec.
WRITTEN = {
    "model": ("m", "m"),
    "framework": ("null", "null"),
    "scenario": ("server", Scenario.SERVER),
    "mode": ("accuracy", (Mode.ACCURACY,)),
    "dataset_path": ("imagenet", "imagenet"),
    "count": ("7", 7),
    "min_duration": ("2s", 2000),
    "min_query_count": ("5", 5),
    "target_qps": ("12.5", 12.5),
    "server_target_latency": ("15ms", 15),
    "expected_latency": ("2ms", 2),
    "ttft_latency": ("2s", 2000),
    "tpot_latency": ("100ms", 100),
    "interactive": (None, True),
    "token_budget": ("4096", 4096),
    "device": ("CUDA:0", "cuda"),
    "batch_size": ("8", 8),
    "workers": ("2", 2),
    "threads": ("3", 3),
    "instances": ("auto", "auto"),
    "max_wait": ("500us", 0.5),
    "layout": ("fresh", "fresh"),
    "layout_seconds": ("4", 4),
    "late": ("in-turn", "in-turn"),
    "sut": ("http://sut:8766/", "http://sut:8766"),
    "options": ("compile=true", {"compile": True}),
    "repeat": ("2", 2),
    "user_conf": ("/u.conf", Path("/u.conf")),
    "datasets": ("/d.yaml", (Path("/d.yaml"),)),
    "task": ("tensors", "tensors"),
    "preprocess": ("unit", "unit"),
    "labels": ("/labels.txt", Path("/labels.txt")),
    "shape": ("ids=1,128", {"ids": "1,128"}),
    "input_data": ("/ids.npz", Path("/ids.npz")),
    "random_inputs": (None, True),
    "models": ("/m.yaml", (Path("/m.yaml"),)),
}


def spec_options(command):
    return {one.name: one for one in command.params if isinstance(one, SpecOption)}


def asked(arguments):
    """The spec that ``loadscope run`` makes of its arguments."""
    given = run_command.make_context("run", list(arguments)).params
    (spec,) = read_specs(None, given_settings({key: given[key] for key in FIELDS}))
    return spec


@pytest.mark.parametrize("command", COMMANDS)
def test_both_names_of_help_hold_whoever_calls(command):
    help_option = command.get_help_option(click.Context(command))
    assert help_option is not None
    assert help_option.opts == ["-h", "--help"]


def test_the_options_of_each_command_are_the_fields_of_the_spec():
    assert set(FIELDS) == set(RunSpec.model_fields)
    assert set(spec_options(run_command)) == set(FIELDS)
    assert set(spec_options(trace_command)) == set(FIELDS) - UNTRACED
    assert set(spec_options(tune_command)) == set(spec_options(plan_command)) == SEARCHED


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_no_option_is_written_beside_its_field(command):
    made = {name for option in spec_options(command).values() for name in option.opts}
    for option in command.params:
        if isinstance(option, SpecOption):
            said = option.help or ""
            assert said.startswith(FIELDS[option.name].help)
            assert FIELDS[option.name].unit in said
        else:
            assert option.name not in FIELDS
            assert not made & set(option.opts)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_arrives_in_the_spec(name):
    scenario = "SingleStream" if name == "expected_latency" else "Server"
    written = {"model": "m", "framework": "null", "scenario": scenario, name: WRITTEN[name][0]}
    # Labels are those of a data set.
    written |= {"dataset_path": "imagenet"} if name == "labels" else {}
    arguments = [
        part
        for field, value in written.items()
        for part in (spec_options(run_command)[field].opts[0], value)
        if part is not None
    ]
    spec = asked(arguments)
    assert getattr(spec, name) == WRITTEN[name][1]
    assert asked(spec_arguments(spec)) == spec


def test_what_is_written_is_known_for_every_field():
    assert set(WRITTEN) == set(FIELDS)


def test_the_help_has_the_groups_with_their_options_and_units():
    text = CliRunner().invoke(cli, ["run", "--help"], terminal_width=200).output
    parts = text.split("\n\n")
    for group in Group:
        (part,) = [one for one in parts if one.startswith(f"{group}:\n")]
        for name, field in FIELDS.items():
            option = spec_options(run_command)[name].opts[0]
            assert (f"  {option} {field.kind}" in part) == (field.group is group)
    assert "--count INTEGER" in text and "unit: samples" in text
    assert "SCRIPT]" not in text.partition(f"{Group.DATA}:")[2]


def test_the_old_name_of_the_latencies_is_taken_by_each_command():
    for command in COMMANDS:
        required = ["--model", "m", "--framework", "f"] if command is plan_command else []
        given = command.make_context(command.name, [*required, "--target-latency", "9ms"]).params
        single = command in (tune_command, plan_command)
        assert given["server_target_latency" if single else "target_latency"] == "9ms"
