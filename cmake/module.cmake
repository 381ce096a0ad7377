# The Lua layer and the module echo.so. The module takes Lua's functions from whoever loads it: it
# must not bring a liblua of its own.
if(NOT LUA_INCLUDE_DIR)
  pkg_search_module(LUA REQUIRED lua5.4 lua-5.4 lua54)
  set(LUA_INCLUDE_DIR ${LUA_INCLUDE_DIRS} CACHE PATH "Headers of Lua 5.4" FORCE)
  set(LUA_LIBRARIES_TO_TEST ${LUA_LINK_LIBRARIES})
endif()

add_library(echo_lua_headers INTERFACE)
target_include_directories(echo_lua_headers SYSTEM INTERFACE ${LUA_INCLUDE_DIR})

echo_layer(lua BELOW base queue scheduler HEADERS lua.h LINK echo_lua_headers
  SOURCES alloc.c builder.c check.c code.c codec.c decode.c decode_object.c encode.c encode_object.c error.c failure.c host.c job.c
    map.c message.c module.c names.c pointer_map.c refusal.c run.c runtime.c scheduler.c state.c task.c)

add_library(echo_module MODULE ${ECHO_CORE_OBJECTS} $<TARGET_OBJECTS:echo_lua_objects>)
target_link_libraries(echo_module PRIVATE PkgConfig::LIBUV Threads::Threads)
set_target_properties(echo_module PROPERTIES PREFIX "" OUTPUT_NAME echo SUFFIX ".so"
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/module)
if(APPLE)
  target_link_options(echo_module PRIVATE -undefined dynamic_lookup)
else()
  # A thread may still be in the module's code when a host closes its state and unloads it.
  target_link_options(echo_module PRIVATE -Wl,-z,nodelete)
endif()
