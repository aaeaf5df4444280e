# Run by cpack before it makes the packages: what Debian wants in each, a changelog, a copyright file and compressed manual
# pages, and why some of lintian's tags do not apply.
if(CPACK_MANUL_NATIVE)
  message(WARNING "these packages are for processors like this machine's; in build/portable, the folder of the preset "
    "portable, cpack makes packages for all of the architecture")
endif()
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(overrides_manul
  "# Whoever publishes packages gives an address: cpack -D CPACK_PACKAGE_CONTACT=..
bogus-mail-host
bogus-mail-host-in-debian-changelog
# Modules, which the library opens by their paths.
sharedobject-in-library-directory-missing-soname
maintscript-calls-ldconfig
")
set(overrides_libmanul-dev
  "# Whoever publishes packages gives an address: cpack -D CPACK_PACKAGE_CONTACT=..
bogus-mail-host
bogus-mail-host-in-debian-changelog
# The library is compiled for one architecture, and installed where CMake puts it.
pkg-config-unavailable-for-cross-compilation
")
foreach(part programs:manul development:libmanul-dev)
  string(REPLACE ":" ";" part ${part})
  list(GET part 0 component)
  list(GET part 1 package)
  set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component}/usr)
  if(NOT IS_DIRECTORY ${root})
    continue()
  endif()
  set(documents ${root}/share/doc/${package})
  file(WRITE ${documents}/changelog
    "${package} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n  * What is new: CHANGELOG.md of the sources.\n\n"
    " -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
  file(WRITE ${documents}/copyright
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: manul\n\n"
    "Files: *\nCopyright: 2026 The Manul authors\nLicense: Apache-2.0\n On Debian systems, the text of the licence is in "
    "/usr/share/common-licenses/Apache-2.0.\n")
  file(WRITE ${root}/share/lintian/overrides/${package} "${overrides_${package}}")
  file(GLOB compressed ${root}/share/man/man1/*.1)
  execute_process(COMMAND gzip -9nf ${documents}/changelog ${compressed} COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB_RECURSE written ${documents}/* ${root}/share/lintian/* ${root}/share/man/*)
  file(CHMOD ${written} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endforeach()
