include(CMakePackageConfigHelpers)

if(ECHO_INSTALL_LIBRARY)
  install(TARGETS echo_shared echo_static EXPORT echo-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY include/echo DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h" PATTERN "lua.h" EXCLUDE PATTERN "buffer.h" EXCLUDE)
  if(ECHO_BUILD_MODULE)
    install(TARGETS echo_lua_static EXPORT echo-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
  install(EXPORT echo-targets NAMESPACE echo:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/echo)
  configure_package_config_file(cmake/echo-config.cmake.in echo-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/echo)
  write_basic_package_version_file(echo-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/echo-config.cmake ${PROJECT_BINARY_DIR}/echo-config-version.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/echo)

  file(RELATIVE_PATH ECHO_PREFIX_FROM_PC
    /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(cmake/echo.pc.in echo.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/echo.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

if(ECHO_BUILD_MODULE)
  set(ECHO_LUA_MODULES ${CMAKE_INSTALL_DATADIR}/lua/5.4 CACHE PATH "Where Lua modules go")
  set(ECHO_LUA_LIBRARIES ${CMAKE_INSTALL_LIBDIR}/lua/5.4 CACHE PATH "Where C modules for Lua go")
  install(TARGETS echo_module LIBRARY DESTINATION ${ECHO_LUA_LIBRARIES})
  install(PROGRAMS bin/luaecho DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY lua/echo DESTINATION ${ECHO_LUA_MODULES} FILES_MATCHING PATTERN "*.lua")
  if(ECHO_INSTALL_LIBRARY)
    install(FILES include/echo/lua.h include/echo/buffer.h
      DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/echo)
    configure_file(cmake/echo-lua.pc.in echo-lua.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/echo-lua.pc
      DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endif()
endif()
