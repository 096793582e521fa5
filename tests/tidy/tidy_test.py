"""Shows every rule of tidy.py good files, in which it finds nothing, and bad ones, in which it finds each fault."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import tidy

BODY = "  int x = 0;\n"


def function(lines):
    """A C++ function of so many lines."""
    return "int f() {\n" + BODY * (lines - 2) + "}\n"


def member(lines):
    return "class A {\n public:\n" + "  int f() {\n" + ("  " + BODY) * (lines - 2) + "  }\n};\n"


# rule: [({path: text}, [(path, line) of each fault])]
CASES = {
    tidy.layer_faults: [
        ({"trainer/nn/layers/a.h": '#include <vector>\n#include "trainer/tensor/b.h"\n#include "proto/job.pb.h"\n',
          "trainer/tensor/b.h": "", "proto/job.proto": ""}, []),
        ({"trainer/nn/layers/a.h": '#include "trainer/nn/layers/b.h"\n', "trainer/nn/layers/b.h": ""}, []),
        ({"tests/trainer/nn/a_test.cc": '#include "trainer/loop/b.h"\n', "trainer/loop/b.h": ""}, []),
        ({"trainer/nn/layers/a.cc": '#include "trainer/optim/b.h"\n', "trainer/optim/b.h": ""}, [("trainer/nn/layers/a.cc", 1)]),
        ({"storage/base/a.h": '#pragma once\n#include "trainer/nn/layers/b.h"\n', "trainer/nn/layers/b.h": ""},
         [("storage/base/a.h", 2)]),
        ({"trainer/loop/a.cc": '#include "coordinator/sweep/b.h"\n', "coordinator/sweep/b.h": ""},
         [("trainer/loop/a.cc", 1)]),
        ({"trainer/new/a.cc": '#include "storage/base/b.h"\n', "storage/base/b.h": ""}, [("trainer/new/a.cc", 1)]),
        ({"trainer/nn/layers/a.cc": '#include "a.h"\n', "trainer/nn/layers/a.h": ""}, [("trainer/nn/layers/a.cc", 1)]),
        ({"trainer/nn/layers/a.cc": '#include "proto/gone.pb.h"\n'}, [("trainer/nn/layers/a.cc", 1)]),
    ],
    tidy.confined_header_faults: [
        ({"trainer/nn/layers/a.cc": "#include <dnnl.hpp>\n", "trainer/comm/b.cc": "#include <mpi.h>\n",
          "tests/storage/base/c.cc": "#include <hdf5.h>\n", "launch/command/d.cc": "#include <CLI/CLI.hpp>\n"}, []),
        ({"trainer/optim/a.cc": "#include <dnnl.hpp>\n", "trainer/loop/b.cc": "\n#include <mpi.h>\n",
          "trainer/data/c.cc": '#include "hdf5.h"\n', "trainer/loop/d.h": "#  include <CLI/App.hpp>\n",
          "storage/base/e.h": "#include <nlohmann/json.hpp>\n", "trainer/nn/layers/f.cc": "#include <grpcpp/grpcpp.h>\n",
          "coordinator/sweep/g.cc": "#include <sqlite3.h>\n", "trainer/comm/h.cc": "#include <sys/wait.h>\n",
          "trainer/communication/i.cc": "#include <mpi.h>\n"},
         [("trainer/optim/a.cc", 1), ("trainer/loop/b.cc", 2), ("trainer/data/c.cc", 1), ("trainer/loop/d.h", 1),
          ("storage/base/e.h", 1), ("trainer/nn/layers/f.cc", 1), ("coordinator/sweep/g.cc", 1), ("trainer/comm/h.cc", 1),
          ("trainer/communication/i.cc", 1)]),
    ],
    tidy.cycle_faults: [
        ({"a/a.h": '#include "a/b.h"\n#include "a/c.h"\n', "a/b.h": '#include "a/c.h"\n', "a/c.h": ""}, []),
        ({"a/a.h": '#include "a/b.h"\n', "a/b.h": '#include "a/c.h"\n', "a/c.h": '#include "a/a.h"\n'}, [("a/a.h", 1)]),
        ({"a/a.h": '#include "a/a.h"\n'}, [("a/a.h", 1)]),
    ],
    tidy.pragma_once_faults: [
        ({"a/a.h": "// What.\n#pragma once\n", "a/a.cc": ""}, []),
        ({"a/a.h": "// #pragma once\n"}, [("a/a.h", 1)]),
    ],
    tidy.exception_faults: [
        ({"storage/base/a.cc": '// catch (this)\nauto s = "throw catch (x)";\nint catches = 1;\n',
          "launch/command/b.cc": "  } catch (const E& e) {\n"}, []),
        ({"storage/base/a.cc": "int x;\n  } catch (...) {\n", "trainer/nn/layers/b.cc": "  throw 1;\n"},
         [("storage/base/a.cc", 2), ("trainer/nn/layers/b.cc", 1)]),
        ({"storage/base/a.cc": "int million = 1'000'000;  // it's\nthrow '\"';\n"}, [("storage/base/a.cc", 2)]),
    ],
    tidy.file_size_faults: [
        ({"a/a.cc": "\n" * 400, "a/README.md": "\n" * 500}, []),
        ({"a/a.cc": "\n" * 401, "a/a.py": "\n" * 500}, [("a/a.cc", 401), ("a/a.py", 500)]),
    ],
    tidy.function_size_faults: [
        ({"a/a.cc": function(70) + "\n" + function(70)}, []),
        ({"a/a.cc": "namespace a {\n" + function(3) * 30 + "}  // namespace a\n"}, []),
        ({"a/a.h": "class A {\n" + "  int x;\n" * 80 + "};\n\n" + function(5) + member(70)}, []),
        ({"a/a.py": "def f():\n" + "    x = 0\n" * 69}, []),
        ({"a/a.cc": "\n" + function(71), "a/a.h": member(71)}, [("a/a.cc", 2), ("a/a.h", 3)]),
        ({"a/a.cc": "int f(int a,\n      int b) {\n#ifdef X\n" + BODY * 68 + "}\n"}, [("a/a.cc", 1)]),
        ({"a/a.py": "class A:\n    def f():\n" + "        x = 0\n" * 70}, [("a/a.py", 2)]),
    ],
    tidy.word_faults: [
        ({"a/a.cc": "bool disabled = todo;\n", "tests/tidy/x.py": "TODO\n", "a/README.md": "TODO"}, []),
        ({"a/a.cc": "// TODO\n", "a/b.py": "\n# FIXME: x\n", "tests/a/a_test.cc": "GTEST_SKIP();\nTEST(A, DISABLED_x)\n",
          "tests/CMakeLists.txt": "set_tests_properties(x PROPERTIES DISABLED TRUE)\n",
          "tests/b_test.cc": "EXPECT_TRUE(true);\nSUCCEED();\n"},
         [("a/a.cc", 1), ("a/b.py", 2), ("tests/a/a_test.cc", 1), ("tests/a/a_test.cc", 2), ("tests/CMakeLists.txt", 1),
          ("tests/b_test.cc", 1), ("tests/b_test.cc", 2)]),
    ],
    tidy.registration_faults: [
        ({"CMakeLists.txt": "add_subdirectory(a)\n", "a/CMakeLists.txt": "add_subdirectory(b)\n",
          "a/b/CMakeLists.txt": "", "a/b/c.cc": "", "d.cc": "", "a/b/e.h": "", tidy.COMPILED: "d.cc\na/b/c.cc"}, []),
        ({"CMakeLists.txt": "add_test(x ${HERE}/run_test.py) t(a_test.sh)", "tests/run_test.py": "", "tests/plain.py": "",
          "tests/a_test.sh": ""}, []),
        ({"CMakeLists.txt": "add_library(a c.cc) add_subdirectory(aa)", "c.cc": "", "b/d.cc": "", "a/CMakeLists.txt": "",
          "tests/a_test.sh": "", "tests/b_test.py": "", "tests/CMakeLists.txt": "bb_test.py", tidy.COMPILED: "d.cc"},
         [("c.cc", 1), ("b/d.cc", 1), ("a/CMakeLists.txt", 1), ("tests/a_test.sh", 1), ("tests/b_test.py", 1),
          ("tests/CMakeLists.txt", 1)]),
    ],
    tidy.readme_faults: [
        ({"storage/base/a.cc": "", "storage/base/README.md": "a: what", "storage/README.md": "", "main.py": "",
          "tests/x/y_test.cc": "", "tests/README.md": "", "launch/command/l.cc": "", "launch/README.md": "command/l.cc"},
         []),
        ({"proto/a.proto": "", "proto/a_b_c.proto": "", "proto/README.md": "a\n  _b_c  what"}, []),
        ({"storage/base/ab.cc": "", "storage/base/README.md": "a: what, _b", "tests/x/y_test.cc": "", "proto/p.proto": "",
          "tests/tidy/t.py": ""},
         [("storage/README.md", 1), ("storage/base/README.md", 1), ("tests/README.md", 1), ("proto/README.md", 1),
          ("tests/tidy/README.md", 1)]),
    ],
    tidy.proto_comment_faults: [
        ({"a.proto": "// A.\nmessage A {\n  // Why.\n  optional int32 x = 1;\n  repeated A y = 2;\n  // Long:\n"
                     "  // two.\n  map<string, A> z = 3;  // z\n}\nenum E {\n  ONE = 1;  // One.\n}\n"}, []),
        ({"a.proto": "message A {\n  optional int32 x = 1;\n  // Why.\n  optional A y = 2;\n  repeated A z = 3 [a = 1];\n"
                     "  oneof k {\n    B b = 4;\n  }\n}\nenum E {\n  ONE = 1;\n}\n"},
         [("a.proto", 2), ("a.proto", 5), ("a.proto", 7), ("a.proto", 11)]),
    ],
    tidy.folder_name_faults: [
        ({"storage/base/utils.cc": "", "a/common_sense/b.cc": ""}, []),
        ({"storage/utils/a.cc": "", "common/a.h": ""}, [("storage/utils/a.cc", 1), ("common/a.h", 1)]),
    ],
}


class TidyTest(unittest.TestCase):
    def test_every_rule_has_good_and_bad_cases(self):
        self.assertEqual(set(CASES), set(tidy.RULES))
        for rule, cases in CASES.items():
            self.assertTrue(any(faults for _, faults in cases), f"{rule.__name__} has no bad case")
            self.assertTrue(any(not faults for _, faults in cases), f"{rule.__name__} has no good case")

    def test_cases(self):
        for rule, cases in CASES.items():
            for number, (files, expected) in enumerate(cases):
                with self.subTest(rule=rule.__name__, case=number):
                    found = {(path, line) for path, line, _ in rule(files)}
                    self.assertEqual(found, set(expected))

    def test_program_reads_new_files_and_fails(self):
        script = pathlib.Path(tidy.__file__)
        with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as build:
            subprocess.run(["git", "init", "--quiet", root], check=True)
            source = pathlib.Path(root, "a.cc")
            commands = [{"directory": root, "file": str(source), "command": "c++"}]
            pathlib.Path(build, "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
            run = [sys.executable, str(script), build, root]
            source.write_text("int x;\n", encoding="utf-8")
            self.assertEqual(subprocess.run(run, capture_output=True, check=False).returncode, 0)
            pathlib.Path(root, "a.h").write_text("int x;\n", encoding="utf-8")
            pathlib.Path(root, "b.cc").write_text("", encoding="utf-8")
            result = subprocess.run(run, capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stdout, "a.h:1: a header has #pragma once\n"
                             "b.cc:1: is in no CMakeLists.txt: it is never built or run\n"
                             f"3 files, {len(tidy.RULES)} rules, 2 faults\n")


if __name__ == "__main__":
    unittest.main()
