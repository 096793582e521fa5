// What Open MPI and the libraries below it keep until the process ends is no leak of ours. Linked into every program
// over MPI, so that it holds wherever one is started.

// Libraries stay loaded to the end: the leak checker knows by name whose a leak is, and Open MPI unloads its parts
// before.
extern "C" __attribute__((visibility("default"))) int dlclose(void*) {
  return 0;
}

// Stacks through vasprintf end in libc, which has no frame pointers; we format by fmt.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libmpi.so\nleak:libopen-pal.so\nleak:libopen-rte.so\nleak:libpmix\nleak:libprrte\nleak:libhwloc\n"
         "leak:libevent\nleak:mca_\nleak:vasprintf\n";
}
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_options() {
  return "print_suppressions=0";
}
