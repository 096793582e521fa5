#!/usr/bin/env python3
"""Checks the rules of rules.py on every file of the repository that git knows or would add.

Usage: tidy.py BUILD [ROOT]. BUILD: a configured build folder, whose compile_commands.json tells what is compiled.
Prints one line a fault, "FILE:LINE: what is wrong and what to do"; exit code 1 when there is one.
A rule is a function from the files ({path: text}) to faults (path, line, message); tidy_test.py shows it good and bad.
"""

import ast
import json
import pathlib
import re
import subprocess
import sys

from rules import (CONFINED_HEADERS, FORBIDDEN_FOLDERS, FORBIDDEN_WORDS, LAYERS, MAY_CATCH, MOST_LINES_OF_A_FILE,
                   MOST_LINES_OF_A_FUNCTION)

# Among the files: the paths of all sources that are compiled, one a line.
COMPILED = "(compiled)"

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def is_cpp(path):
    return path.endswith((".cc", ".h"))


def is_source(path):
    return path.endswith((".cc", ".h", ".py", ".sh", ".proto"))


def folder_of(path):
    return path.rpartition("/")[0]


def under(path, places):
    """Whether the file is one of the places, or in a folder that is."""
    return any(path == place or path.startswith(place + "/") for place in places)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def code_of(text):
    """C++ text with comments and literals blanked; lines stay where they are."""
    return COMMENT_OR_LITERAL.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def includes(text):
    """(quoted, header, line) of every include."""
    for match in INCLUDE.finditer(text):
        yield match.group(1) == '"', match.group(2), line_of(text, match.start(1))


def layer_faults(files):
    for path, text in files.items():
        if not is_cpp(path):
            continue
        own = folder_of(path)
        for quoted, header, line in includes(text):
            if not quoted:
                continue
            proto = header.replace(".grpc.pb.h", ".proto").replace(".pb.h", ".proto")
            if header not in files and proto not in files:
                yield path, line, f"no file {header}: include by the full path from the root"
                continue
            target = folder_of(header)
            if own == target or own.startswith("tests"):
                continue
            if target not in LAYERS.get(own, set()):
                yield path, line, f"{own} may not include {target}: see LAYERS in tests/tidy/rules.py"


def confined_header_faults(files):
    for path, text in files.items():
        if not is_cpp(path):
            continue
        for _, header, line in includes(text):
            for pattern, folders in CONFINED_HEADERS.items():
                if re.fullmatch(pattern, header) and not under(path, folders):
                    yield path, line, f"{header} is confined to {', '.join(folders)}"


def cycle_faults(files):
    graph = {path: [header for quoted, header, _ in includes(text) if quoted and header in files]
             for path, text in files.items() if is_cpp(path)}
    done = set()

    def visit(path, trail):
        if path in trail:
            yield path, 1, "include cycle: " + " -> ".join(trail[trail.index(path):] + [path])
        elif path not in done:
            for header in graph[path]:
                yield from visit(header, trail + [path])
            done.add(path)

    for path in graph:
        yield from visit(path, [])


def pragma_once_faults(files):
    for path, text in files.items():
        if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield path, 1, "a header has #pragma once"


def exception_faults(files):
    for path, text in files.items():
        if not is_cpp(path):
            continue
        for match in re.finditer(r"\bcatch\s*\(|\bthrow\b", code_of(text)):
            if match.group() == "throw" or not under(path, MAY_CATCH):
                yield path, line_of(text, match.start()), "no exceptions: return a Status, or CHECK"


def file_size_faults(files):
    for path, text in files.items():
        lines = text.count("\n")
        if is_source(path) and lines > MOST_LINES_OF_A_FILE:
            yield path, lines, f"{lines} lines, at most {MOST_LINES_OF_A_FILE}: one concept a file"


def cpp_blocks(text):
    """(first, last) line of the blocks that open at no indent or, as members do, at two spaces; text is formatted."""
    lines = text.split("\n")
    for indent in ("", "  "):
        start = None
        for number, line in enumerate(lines, 1):
            if line == indent + "}" and start:
                yield start, number
            if re.match(indent + r"}|(namespace|public|private|protected)\b", line):
                start = None
            elif re.match(indent + r"[\w~\[]", line):
                start = number


def function_size_faults(files):
    for path, text in files.items():
        if is_cpp(path):
            blocks = cpp_blocks(text)
        elif path.endswith(".py"):
            blocks = ((node.lineno, node.end_lineno) for node in ast.walk(ast.parse(text))
                      if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
        else:
            continue
        for first, last in blocks:
            if last - first + 1 > MOST_LINES_OF_A_FUNCTION:
                yield path, first, f"a function of {last - first + 1} lines, at most {MOST_LINES_OF_A_FUNCTION}"


def word_faults(files):
    for path, text in files.items():
        if under(path, ["tests/tidy"]) or not (is_source(path) or path.endswith((".txt", ".cmake"))):
            continue
        for pattern, why in FORBIDDEN_WORDS.items():
            for match in re.finditer(pattern, text):
                yield path, line_of(text, match.start()), f"{match.group()}: {why}"


def registration_faults(files):
    """Every C++ source is compiled; every test script, and every folder of the build, is named by a CMakeLists.txt."""
    compiled = files.get(COMPILED, "").split("\n")
    lists = "\n".join(text for path, text in files.items() if path.endswith("CMakeLists.txt"))
    for path in files:
        folder, _, name = path.rpartition("/")
        parent, _, folder_name = folder.rpartition("/")
        if path.endswith(".cc"):
            registered = path in compiled
        elif path.startswith("tests/") and re.search(r"_test\.(py|sh)$", name):
            registered = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", lists)
        elif folder and name == "CMakeLists.txt":
            registered = f"add_subdirectory({folder_name})" in files.get(f"{parent}/{name}".lstrip("/"), "")
        else:
            continue
        if not registered:
            yield path, 1, "is in no CMakeLists.txt: it is never built or run"


def mentions(readme, stem):
    """Whether the README names the file whole, or, as the second line of "a", "  _b" does, in two parts."""
    words = set(re.findall(r"\w+", readme))
    cuts = [match.start() for match in re.finditer("_", stem)]
    return stem in words or any(stem[:cut] in words and stem[cut:] in words for cut in cuts)


def readme_faults(files):
    """Rooms (proto, launch, tests, tests/tidy; storage/*, trainer/* and so on) have a README.md that names their files."""
    flat = {"proto", "launch", "tests"}
    for path in files:
        parts = path.split("/")
        if len(parts) == 1 or not is_source(path) or (parts[0] == "tests" and len(parts) > 2 and parts[1] != "tidy"):
            continue
        room = parts[0] if parts[0] in flat and parts[1] != "tidy" else "/".join(parts[:2])
        stem = parts[-1].rpartition(".")[0]
        for folder in {parts[0], room}:
            if folder + "/README.md" not in files:
                yield folder + "/README.md", 1, "is missing: purpose, a line a file, recipes"
        if not mentions(files.get(room + "/README.md", stem), stem):
            yield room + "/README.md", 1, f"does not mention {stem}"


def proto_comment_faults(files):
    """A field has a comment above it or behind it, or is of a message type that has one."""
    protos = {path: text for path, text in files.items() if path.endswith(".proto")}
    documented = {name for text in protos.values() for name in re.findall(r"//[^\n]*\n\s*message (\w+)", text)}
    field = re.compile(r"^\s*(?:(?:optional|repeated|required)\s+)?(?:([\w.]+|map<[^>]*>)\s+)?\w+ = \d+")
    for path, text in protos.items():
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            match = field.match(line)
            if match and "//" not in line + lines[number - 2] and match.group(1) not in documented:
                yield path, number, f"a field without a comment: {line.strip()}"


def folder_name_faults(files):
    for path in files:
        for name in path.split("/")[:-1]:
            if name in FORBIDDEN_FOLDERS:
                yield path, 1, f"a folder named {name} says nothing: name it after what it holds"


RULES = [layer_faults, confined_header_faults, cycle_faults, pragma_once_faults, exception_faults, file_size_faults,
         function_size_faults, word_faults, registration_faults, readme_faults, proto_comment_faults,
         folder_name_faults]


def repository_files(root, build):
    git = ["git", "-c", "safe.directory=*", "-C", root]  # the tree may belong to another user than this one
    listed = subprocess.run(git + ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            check=True, stdout=subprocess.PIPE, text=True).stdout
    files = {}
    for path in filter(None, listed.split("\0")):
        file = root / path
        if file.is_file():
            files[path] = file.read_bytes().decode("utf-8", errors="replace")
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    sources = {pathlib.Path(command["directory"], command["file"]) for command in commands}
    files[COMPILED] = "\n".join(str(source.relative_to(root)) for source in sources if source.is_relative_to(root))
    return files


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else pathlib.Path(__file__).parents[2]).resolve()
    files = repository_files(root, pathlib.Path(sys.argv[1]))
    faults = sorted({fault for rule in RULES for fault in rule(files)})
    for path, line, message in faults:
        print(f"{path}:{line}: {message}")
    print(f"{len(files) - 1} files, {len(RULES)} rules, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
