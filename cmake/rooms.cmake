# The rooms that read bytes from outside. With sanitizers `make test` runs their tests and those alone (`make sanitize`:
# all), and their code is built for fuzzing.
set(FETAFIX_READERS "^(base|tensor|graph|onnx_wire|tensorflow_wire|tensor_bundle|formats|data|channel)(/|$)")
add_custom_target(reader_tests)

# A room is one folder of src/: one library that links only what it may use (docs/design.md), and
# one test program made of its *_test.cpp files.
#   fetafix_room(graph LINKS fetafix::tensor PRIVATE_LINKS some_third_party)
# PRECOMPILE: a header that most files of the room read, and that takes long to read.
# FAST: its loops over numbers are what users wait for.
function(fetafix_room name)
  cmake_parse_arguments(ROOM "FAST" "" "LINKS;PRIVATE_LINKS;TEST_LINKS;PRECOMPILE" ${ARGN})
  string(REPLACE "/" "_" target fetafix_${name})
  string(REPLACE "/" "_" alias fetafix::${name})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  add_library(${target} STATIC ${sources})
  add_library(${alias} ALIAS ${target})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${ROOM_LINKS} PRIVATE ${ROOM_PRIVATE_LINKS})
  if(ROOM_FAST)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O3>)
  endif()
  if(FETAFIX_SANITIZE)
    set(precompiled fetafix_precompiled)
    if(name MATCHES ${FETAFIX_READERS})
      set(precompiled fetafix_precompiled_fuzzed)
    endif()
    fetafix_sanitized(${target} ${precompiled} ${ROOM_PRECOMPILE})
  endif()
  if(tests)
    fetafix_test(${name} LINKS ${target} ${ROOM_TEST_LINKS} PRECOMPILE ${ROOM_PRECOMPILE})
  endif()
endfunction()

# The test program of a folder, made of its *_test.cpp files.
function(fetafix_test name)
  cmake_parse_arguments(TEST "" "" "LINKS;PRECOMPILE" ${ARGN})
  string(REPLACE "/" "_" target fetafix_${name}_test)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE ${TEST_LINKS} GTest::gtest GTest::gtest_main)
  if(FETAFIX_SANITIZE)
    target_compile_definitions(${target} PRIVATE FETAFIX_SANITIZE)
    fetafix_sanitized(${target} fetafix_precompiled ${TEST_PRECOMPILE})
  else()
    target_compile_options(${target} PRIVATE -O0) # compiled once, run once
  endif()
  add_test(NAME ${name} COMMAND ${target})
  if(name MATCHES ${FETAFIX_READERS})
    set_tests_properties(${name} PROPERTIES LABELS readers)
    add_dependencies(reader_tests ${target})
  endif()
endfunction()

# How the build with sanitizers compiles a target. Only what is fuzzed needs speed and counts its branches. Reading
# headers is most of the rest, so they are precompiled, once for all targets but those that name a header of their
# own. The release build reads each header where it is included: there a missing include is an error.
function(fetafix_sanitized target precompiled)
  if(precompiled STREQUAL fetafix_precompiled)
    target_compile_options(${target} PRIVATE ${FETAFIX_NOT_FUZZED})
  endif()
  if(ARGN)
    list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/src/)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${precompiled})
  endif()
endfunction()

if(FETAFIX_SANITIZE)
  set(FETAFIX_NOT_FUZZED -O0 -fno-sanitize=fuzzer-no-link)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/precompiled.cpp CONTENT "")
  foreach(precompiled fetafix_precompiled fetafix_precompiled_fuzzed)
    add_library(${precompiled} OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
    target_include_directories(${precompiled} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${precompiled} PRIVATE GTest::gtest)
    target_precompile_headers(${precompiled} PRIVATE <algorithm> <cmath> <filesystem> <functional> <map> <set> <gtest/gtest.h>
                              ${PROJECT_SOURCE_DIR}/src/base/json.h ${PROJECT_SOURCE_DIR}/src/faults/pattern.h)
  endforeach()
  target_compile_options(fetafix_precompiled PRIVATE ${FETAFIX_NOT_FUZZED})
endif()
