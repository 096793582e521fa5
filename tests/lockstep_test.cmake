include(GoogleTest)

# lockstep_test(NAME SOURCES a_test.cc ... LINKS x ... [RANKS 1 2 4] [TIMEOUT seconds] [PROCESSORS 1])
# A GoogleTest program. Without RANKS it brings its own main and each TEST is a ctest; with RANKS the sources bring
# main (tests/mpi_main.h) and the program is one ctest per number of ranks, run by mpirun.
# PROCESSORS: threads that wait for each other by spinning; with less than that they take a hundred times as long.
function(lockstep_test name)
  cmake_parse_arguments(arg "" "TIMEOUT;PROCESSORS" "SOURCES;LINKS;RANKS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_PROCESSORS)
    set(arg_PROCESSORS 1)
  endif()
  math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * ${patience}")
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_LINKS} GTest::gtest lockstep_options)
  if(arg_RANKS)
    foreach(ranks ${arg_RANKS})
      execute_process(COMMAND ${CMAKE_SOURCE_DIR}/launch/mpirun_flags --unbound ${ranks} OUTPUT_VARIABLE flags
                      OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
      separate_arguments(flags)
      add_test(NAME ${name}/${ranks}_ranks
               COMMAND ${MPIEXEC_EXECUTABLE} ${flags} -n ${ranks} $<TARGET_FILE:${name}>)
      set_tests_properties(${name}/${ranks}_ranks PROPERTIES TIMEOUT ${arg_TIMEOUT} PROCESSORS ${ranks})
    endforeach()
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
    gtest_discover_tests(${name} TEST_PREFIX ${name}/ PROPERTIES TIMEOUT ${arg_TIMEOUT} PROCESSORS ${arg_PROCESSORS}
                         DISCOVERY_TIMEOUT 60)
  endif()
endfunction()
