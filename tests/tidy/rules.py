"""The law of the house, as tables. Folders are layers; a heavy header lives in one folder; sizes have limits."""

_STORAGE = {"storage/base", "storage/task", "storage/image", "storage/picture", "storage/dataset", "storage/import",
            "storage/checkpoint", "proto"}
_TRAINER = {"trainer/tensor", "trainer/nn/kernels", "trainer/nn/network", "trainer/optim", "trainer/comm", "trainer/data",
            "trainer/metrics", "trainer/report"}
_COORDINATOR = {"coordinator/sweep", "coordinator/store", "coordinator/execute", "coordinator/loop", "coordinator/service"}

# Folder -> folders it may include besides itself. A folder that is not here may include nothing and not be included.
# Files below tests/ may include any of them.
LAYERS = {
    "proto": set(),
    "storage/base": {"proto"},
    "storage/task": {"storage/base", "proto"},
    "storage/dataset": {"storage/base", "storage/task", "storage/image"},
    "storage/image": {"storage/base"},
    "storage/picture": {"storage/base", "storage/image"},
    "storage/import": {"storage/base", "storage/task", "storage/image", "storage/dataset"},
    "storage/checkpoint": {"storage/base", "storage/task"},
    "trainer/tensor": {"storage/base"},
    "trainer/nn/kernels": {"trainer/tensor", "storage/base"},
    "trainer/nn/plans": {"trainer/nn/kernels", "trainer/tensor", "storage/base", "proto"},
    "trainer/nn/losses": {"storage/base", "storage/task"},
    "trainer/nn/graph": {"trainer/nn/losses", "trainer/nn/plans", "trainer/nn/kernels", "trainer/tensor", "storage/base",
                         "storage/dataset", "proto"},
    "trainer/nn/layers": {"trainer/nn/graph", "trainer/nn/plans", "trainer/nn/kernels", "trainer/tensor", "storage/base",
                          "proto"},
    "trainer/nn/network": {"trainer/nn/layers", "trainer/nn/graph", "trainer/nn/losses", "trainer/nn/kernels",
                           "trainer/tensor", "storage/base", "proto"},
    "trainer/optim": {"trainer/tensor", "storage/base", "proto"},
    "trainer/comm": {"trainer/tensor", "storage/base"},
    "trainer/data": {"trainer/tensor", "storage/base", "storage/dataset", "proto"},
    "trainer/metrics": {"storage/base", "storage/task"},
    "trainer/report": {"trainer/tensor", "storage/base", "storage/task", "proto"},
    "trainer/loop": _TRAINER | _STORAGE,
    "trainer/bench": _TRAINER | _STORAGE | {"trainer/loop"},
    "coordinator/search": {"storage/base", "proto"},
    "coordinator/schedule": {"storage/base", "proto"},
    "coordinator/sweep": {"storage/base", "storage/task", "proto", "coordinator/search", "coordinator/schedule"},
    "coordinator/store": {"storage/base", "proto"},
    "coordinator/execute": {"storage/base", "proto"},
    "coordinator/loop": {"storage/base", "storage/task", "proto", "coordinator/sweep", "coordinator/store", "coordinator/execute"},
    "coordinator/service": {"storage/base", "proto", "coordinator/sweep", "coordinator/loop"},
    "launch/command": _TRAINER | _STORAGE | _COORDINATOR | {"trainer/loop", "trainer/bench"},
}

# Header (a regular expression for the whole name) -> folders that may include it.
CONFINED_HEADERS = {
    r"(oneapi/)?dnnl.*": ["trainer/nn", "tests/trainer/nn"],
    r"mpi\.h": ["trainer/comm", "tests/trainer/comm", "tests/mpi"],
    r"(hdf5|H5\w+)\.h": ["storage", "tests/storage"],
    r"(png|jpeglib|jerror|tiffio|webp/.*)(\.h)?": ["storage/image", "tests/storage/image"],
    r"CLI/.*": ["launch/command"],
    r"nlohmann/.*": ["storage/base/log.cc", "launch/command", "trainer/report", "coordinator/loop", "tests"],
    r"((grpcpp|grpc)/.*|.*\.grpc\.pb\.h)": ["coordinator/service", "trainer/report", "tests"],
    r"prometheus/.*": ["coordinator/service/metrics.cc"],
    r"sqlite3\.h": ["coordinator/store", "tests/coordinator/store"],
    r"Eigen/.*|boost/.*": ["coordinator/search"],
    r"(spawn|sys/wait)\.h": ["coordinator/execute", "tests"],
}

# Where a library throws, and the exception becomes a Status or a CHECK on the spot.
MAY_CATCH = ["storage/base/log.cc", "trainer/nn", "trainer/report", "coordinator/service/metrics.cc",
             "launch/command"]

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 70

FORBIDDEN_FOLDERS = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}

# Text that no file has -> why. The tests of these rules, below tests/tidy, are left out.
FORBIDDEN_WORDS = {
    r"GTEST_SKIP": "a skipped test",
    r"\bDISABLED(_|\b)": "a disabled test",
    r"EXPECT_TRUE\(true\)|\bSUCCEED\(\)": "a test that asserts nothing",
    r"\b(TODO|FIXME|XXX)\b": "an unfinished thought: finish it or write it down as a limit",
}
