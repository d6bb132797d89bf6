"""The tables of the index. It can be deleted at any time: every row is derived from files."""

import zlib

from loadscope.suite.metrics.registry import metrics

_TABLES = """
CREATE TABLE source(
  id INTEGER PRIMARY KEY, root TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL,
  stamp TEXT NOT NULL, options TEXT NOT NULL);
CREATE TABLE config(
  id INTEGER PRIMARY KEY, digest TEXT UNIQUE NOT NULL, recipe TEXT NOT NULL, facts TEXT NOT NULL,
  model TEXT NOT NULL, framework TEXT NOT NULL, scenario TEXT NOT NULL, numerics TEXT NOT NULL,
  round TEXT NOT NULL, task TEXT NOT NULL, data_digest TEXT, rehearsal INTEGER NOT NULL);
CREATE TABLE system(
  id INTEGER PRIMARY KEY, digest TEXT UNIQUE NOT NULL, recipe TEXT NOT NULL, facts TEXT NOT NULL,
  processor TEXT NOT NULL, isa TEXT NOT NULL);
CREATE TABLE environment(
  id INTEGER PRIMARY KEY, digest TEXT UNIQUE NOT NULL, recipe TEXT NOT NULL, facts TEXT NOT NULL);
CREATE TABLE build(
  id INTEGER PRIMARY KEY, digest TEXT UNIQUE NOT NULL, recipe TEXT NOT NULL, facts TEXT NOT NULL);
CREATE TABLE run(
  id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, name TEXT NOT NULL, source INTEGER NOT NULL,
  stamp TEXT NOT NULL, sha256 TEXT NOT NULL, uid TEXT NOT NULL,
  config INTEGER NOT NULL, system INTEGER NOT NULL, environment INTEGER NOT NULL,
  build INTEGER NOT NULL, machine TEXT NOT NULL, machine_id TEXT NOT NULL, created TEXT NOT NULL,
  status TEXT NOT NULL, reason TEXT NOT NULL, rehearsal TEXT NOT NULL, warnings TEXT NOT NULL,
  command TEXT NOT NULL, repeats INTEGER, spread REAL,
  copy INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0);
CREATE INDEX run_uid ON run(uid);
CREATE INDEX run_source ON run(source);
CREATE INDEX run_newest ON run(created DESC, uid, status, machine, machine_id)
  WHERE copy = 0 AND hidden = 0;
CREATE INDEX run_series ON run(config, system, created, status) WHERE copy = 0 AND hidden = 0;
CREATE INDEX run_noisy ON run(id) WHERE warnings != '';
CREATE INDEX run_unshown ON run(id) WHERE copy != 0 OR hidden != 0;
CREATE TABLE test(
  run INTEGER NOT NULL, mode TEXT NOT NULL, status TEXT NOT NULL,
  metric TEXT, value REAL, unit TEXT, better TEXT,
  config INTEGER NOT NULL, system INTEGER NOT NULL, created TEXT NOT NULL,
  counts INTEGER NOT NULL DEFAULT 0{columns},
  PRIMARY KEY(run, mode)) WITHOUT ROWID;
CREATE INDEX test_traced ON test(run) WHERE mode = 'trace';
CREATE INDEX test_value ON test(value, run) WHERE mode = 'performance';
CREATE INDEX test_series ON test(config, system, created) WHERE counts;
CREATE TABLE accuracy(
  run INTEGER PRIMARY KEY, metric TEXT NOT NULL, unit TEXT NOT NULL, better TEXT NOT NULL,
  value REAL, target REAL, passed INTEGER, samples INTEGER);
CREATE TABLE noise(run INTEGER NOT NULL, mode TEXT NOT NULL, facts TEXT NOT NULL,
  PRIMARY KEY(run, mode)) WITHOUT ROWID;
CREATE TABLE problem(path TEXT PRIMARY KEY, source INTEGER NOT NULL, stamp TEXT NOT NULL,
  message TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE note(
  id TEXT PRIMARY KEY, source INTEGER NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL,
  author TEXT NOT NULL, time TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX note_target ON note(target);
CREATE TABLE official(
  source INTEGER NOT NULL, round TEXT NOT NULL, location TEXT NOT NULL, submitter TEXT NOT NULL,
  system TEXT NOT NULL, platform TEXT NOT NULL, division TEXT NOT NULL, category TEXT NOT NULL,
  availability TEXT NOT NULL, benchmark TEXT NOT NULL, scenario TEXT NOT NULL,
  processor TEXT NOT NULL, processors REAL, cores REAL, accelerator TEXT NOT NULL,
  accelerators REAL, nodes REAL, software TEXT NOT NULL, accuracy TEXT NOT NULL,
  value REAL, unit TEXT NOT NULL, power REAL, power_unit TEXT NOT NULL, inferred INTEGER NOT NULL,
  numerics TEXT NOT NULL, url TEXT NOT NULL, PRIMARY KEY(round, location, unit, source))
  WITHOUT ROWID;
CREATE INDEX official_benchmark ON official(benchmark, scenario);
CREATE TABLE summary(
  config INTEGER NOT NULL, system INTEGER NOT NULL, n INTEGER NOT NULL, median REAL NOT NULL,
  mad REAL NOT NULL, last REAL NOT NULL, previous REAL, z REAL, last_run INTEGER NOT NULL,
  better TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY(config, system)) WITHOUT ROWID;
"""
FACETS = ("config", "system", "environment", "build")
IN_NEWEST = frozenset({"id", "copy", "hidden", "created", "uid", "status", "machine", "machine_id"})
"""The columns of ``run`` that its index by time answers for without the row itself."""


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def metric_names() -> tuple[str, ...]:
    """The columns of ``test`` that are metrics."""
    return tuple(metric.name for metric in metrics())


def schema() -> str:
    """The statements that make the tables; a column a metric."""
    columns = "".join(f",\n  {quoted(name)} REAL" for name in metric_names())
    return _TABLES.replace("{columns}", columns)


def version() -> int:
    """What ``user_version`` has to be: it follows from the statements, metrics included."""
    return zlib.crc32(schema().encode()) & 0x7FFFFFFF
