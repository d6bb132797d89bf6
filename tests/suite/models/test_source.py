from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadscope.suite.models.exporters import exporters
from loadscope.suite.models.source import (
    BuildSource,
    FileSource,
    HubSource,
    Package,
    PackageSource,
    WebSource,
    parse_source,
)


def test_https_addresses_are_web_sources():
    assert parse_source("https://example.org/a/b.onnx") == WebSource("https://example.org/a/b.onnx")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000"])
def test_http_is_for_this_machine(host):
    assert isinstance(parse_source(f"http://{host}/b.onnx"), WebSource)


@pytest.mark.parametrize(
    "text",
    [
        "http://example.org/b.onnx",
        "http://127.0.0.1.example.org/b.onnx",
        "https://user:secret@example.org/b.onnx",
        "https:///b.onnx",
        "https://example.org/",
        "https://example.org/a/../../b.onnx",
        "https://example.org/a b.onnx",
        "https://[broken/b.onnx",
    ],
)
def test_other_web_addresses_are_refused(text):
    with pytest.raises(ValueError, match="address"):
        parse_source(text)


def test_a_wheel_source_has_distribution_version_and_member():
    source = parse_source("pypi:some-weights==1.0.post1#some_weights/models/w.pth")
    package = Package("pypi", "some-weights", "1.0.post1")
    assert source == PackageSource(package, "some_weights/models/w.pth")


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("deb:dataset-x==0.0~git2020.1-1#usr/share/x", "dataset-x", "0.0~git2020.1-1"),
        ("npm:@scope/models==3.0.4#models/x.bin", "@scope/models", "3.0.4"),
    ],
)
def test_packages_of_other_registries_are_sources_too(text, name, version):
    source = parse_source(text)
    assert isinstance(source, PackageSource)
    assert (source.package.name, source.package.version) == (name, version)
    assert str(source) == text


@pytest.mark.parametrize("text", ["npm:../x==1.0#a", "deb:Upper==1.0#a", "deb:x==one#a"])
def test_names_that_a_registry_does_not_allow_are_refused(text):
    with pytest.raises(ValueError, match="does not look like"):
        parse_source(text)


def test_a_file_of_loadscope_itself_keeps_its_name():
    source = parse_source("package:models.yaml")
    assert isinstance(source, FileSource)
    assert source.path.is_file() and str(source) == "package:models.yaml"
    with pytest.raises(ValueError, match="ships no file"):
        parse_source("package:no-such.pth")


@pytest.mark.parametrize(
    "text",
    [
        "pypi:some-weights#w.pth",
        "pypi:some-weights>=1#w.pth",
        "pypi:some-weights==1.0",
        "pypi:some-weights==1.0#",
        "pypi:--index-url==1.0#w.pth",
        "pypi:some-weights==1.0 --pre#w.pth",
    ],
)
def test_a_wheel_source_needs_an_exact_version_and_a_member(text):
    with pytest.raises(ValueError, match=r"<name>==<version>"):
        parse_source(text)


@pytest.mark.parametrize(
    "member",
    ["../w.pth", "/etc/passwd", "a/../../w.pth", "a//w.pth", "a\\w.pth", "a/./w.pth", "a/"],
)
def test_a_member_cannot_leave_the_wheel(member):
    with pytest.raises(ValueError, match="not a plain path"):
        parse_source(f"pypi:some-weights==1.0#{member}")


def test_a_hub_source_has_repository_revision_and_member():
    source = parse_source("hub:timm/resnet18.a1_in1k@main#model.safetensors")
    assert source == HubSource("timm/resnet18.a1_in1k", "main", "model.safetensors")
    assert (
        source.url == "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors"
    )


@pytest.mark.parametrize(
    "text", ["hub:timm@main#a", "hub:a/b#a", "hub:a/b@main", "hub:../b@main#a", "hub:a/b@../c#a"]
)
def test_a_hub_source_needs_all_three(text):
    with pytest.raises(ValueError, match="<owner>/<name>@<revision>"):
        parse_source(text)


def test_a_file_source_is_a_path():
    assert parse_source("file:../w.onnx") == FileSource(Path("../w.onnx"))


def test_an_unknown_exporter_lists_the_known_ones():
    with pytest.raises(ValueError, match=", ".join(exporters())):
        parse_source("build:tensorrt")


@pytest.mark.parametrize("text", ["", "w.onnx", "ftp://example.org/w", "file:", "C:w.onnx"])
def test_other_forms_are_refused(text):
    with pytest.raises(ValueError):
        parse_source(text)


PREFIXES = [
    "https://", "http://", "pypi:", "pypi:a==1#", "npm:", "deb:", "hub:a/b@c#", "file:", "build:",
]  # fmt: skip


@given(
    st.one_of(
        st.text(),
        st.tuples(
            st.sampled_from(PREFIXES),
            st.text(),
        ).map("".join),
    )
)
def test_any_text_is_a_source_that_reads_the_same_again_or_a_value_error(text):
    try:
        source = parse_source(text)
    except ValueError:
        return
    assert parse_source(str(source)) == source
    if isinstance(source, PackageSource | HubSource):
        assert ".." not in source.member.split("/")
    elif isinstance(source, BuildSource):
        assert source.exporter in exporters()
