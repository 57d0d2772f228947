# The Debian package, gunicorn-exporter_VERSION_ARCHITECTURE.deb:
#
#     cmake --preset release && cmake --build --preset release && cpack --config build/release/CPackConfig.cmake
#
# Included by the top CMakeLists.txt. What only the package has is of the component `debian`, which `cmake --install`
# leaves out.
set(debian_dir ${PROJECT_SOURCE_DIR}/deploy/debian)
set(package_doc_dir share/doc/gunicorn-exporter)

# gzip -n: the same bytes whenever it is made.
find_program(GZIP gzip REQUIRED)
set(manual ${PROJECT_BINARY_DIR}/gunicorn_exporter.1.gz)
add_custom_command(OUTPUT ${manual}
  COMMAND ${GZIP} -9nc ${debian_dir}/gunicorn_exporter.1 > ${manual}
  DEPENDS ${debian_dir}/gunicorn_exporter.1 VERBATIM)
add_custom_target(manual ALL DEPENDS ${manual})
install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)

# Written by hand; a test holds its first version to the project's.
execute_process(COMMAND ${GZIP} -9nc ${debian_dir}/changelog
  OUTPUT_FILE ${PROJECT_BINARY_DIR}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${debian_dir}/changelog)

function(install_in_package destination)
  install(FILES ${ARGN} DESTINATION ${destination} COMPONENT debian EXCLUDE_FROM_ALL)
endfunction()

install_in_package(lib/systemd/system
  ${PROJECT_SOURCE_DIR}/deploy/systemd/gunicorn-exporter.service
  ${PROJECT_SOURCE_DIR}/deploy/systemd/gunicorn-exporter.socket)
install_in_package(/etc/gunicorn-exporter ${debian_dir}/config.yml)
install(FILES ${debian_dir}/default DESTINATION /etc/default RENAME gunicorn-exporter
  COMPONENT debian EXCLUDE_FROM_ALL)
install_in_package(${package_doc_dir} ${debian_dir}/copyright ${PROJECT_BINARY_DIR}/changelog.gz)
install_in_package(${package_doc_dir}/examples
  ${PROJECT_SOURCE_DIR}/config/gunicorn_exporter.example.yml
  ${PROJECT_SOURCE_DIR}/deploy/systemd/more-rights.conf)

set(CPACK_GENERATOR DEB)
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${PROJECT_BINARY_DIR};${PROJECT_NAME};program;/;${PROJECT_BINARY_DIR};${PROJECT_NAME};debian;/")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "The authors of gunicorn_exporter <gunicorn-exporter@gunicorn-exporter.example>")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_NAME gunicorn-exporter)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# From the libraries that the binary is linked with.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "init-system-helpers (>= 1.54)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "gunicorn, prometheus")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "gunicorn's workers and requests as Prometheus series")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Watches every gunicorn of the machine, by the process table and by the StatsD
lines that gunicorn sends by itself, and serves Prometheus series: workers
idle and working, requests by status, durations, listen queues, memory, CPU.

Nothing changes in the application, and no configuration is needed.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${debian_dir}/postinst ${debian_dir}/prerm ${debian_dir}/postrm ${debian_dir}/conffiles)
include(CPack)
