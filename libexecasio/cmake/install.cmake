# Installs the library, its headers, and what find_package and pkg-config read.

include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/execasio)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

file(GLOB documents CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/*.md)
install(FILES ${documents} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(FILES
    ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md
    DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(TARGETS execasio EXPORT execasio-targets FILE_SET HEADERS)
install(EXPORT execasio-targets NAMESPACE execasio:: DESTINATION ${package_dir})

configure_package_config_file(
    ${CMAKE_CURRENT_LIST_DIR}/execasio-config.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/execasio-config.cmake
    INSTALL_DESTINATION ${package_dir}
    NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(
    ${CMAKE_CURRENT_BINARY_DIR}/execasio-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/execasio-config.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/execasio-config-version.cmake
    DESTINATION ${package_dir})

# The .pc file names the prefix relative to itself: `cmake --install --prefix` chooses it after
# this file was configured, and an installed tree may be moved.
file(RELATIVE_PATH pc_prefix /prefix/${pkgconfig_dir} /prefix)
configure_file(${CMAKE_CURRENT_LIST_DIR}/execasio.pc.in execasio.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/execasio.pc DESTINATION ${pkgconfig_dir})
