# find_package(attend): attend::attend is the shared library, with its headers.
include(${CMAKE_CURRENT_LIST_DIR}/attendTargets.cmake)
