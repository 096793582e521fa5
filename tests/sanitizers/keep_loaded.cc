// Libraries stay loaded to the end, so that the leak checker knows by name whose leaks are Open MPI's (lsan.supp): it
// unloads its parts before the process ends.
extern "C" __attribute__((visibility("default"))) int dlclose(void*) {
  return 0;
}
