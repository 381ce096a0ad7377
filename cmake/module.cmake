# The Lua layer and the module echo.so. The module takes Lua's functions from whoever opens it: it
# must not bring a liblua of its own.
if(NOT LUA_INCLUDE_DIR)
  pkg_search_module(LUA REQUIRED lua5.4 lua-5.4 lua54)
  set(LUA_INCLUDE_DIR ${LUA_INCLUDE_DIRS} CACHE PATH "Headers of Lua 5.4" FORCE)
  set(LUA_LIBRARIES_TO_TEST ${LUA_LINK_LIBRARIES})
endif()

add_library(echo_lua_headers INTERFACE)
target_include_directories(echo_lua_headers SYSTEM INTERFACE ${LUA_INCLUDE_DIR})

echo_layer(lua BELOW base queue scheduler HEADERS lua.h buffer.h LINK echo_lua_headers
  SOURCES
    alloc.c argument.c attach.c await.c buffer.c buffer_methods.c builder.c call.c callback.c channel.c
    channel_methods.c charge.c check.c code.c codec.c coroutine.c decode.c decode_name.c
    decode_object.c deliver.c embed.c encode.c encode_hook.c encode_object.c error.c factory.c
    failure.c fiber.c files.c group.c here.c host.c host_wait.c interrupt.c isolation.c iter.c job.c late.c lazy.c loan.c luv.c
    mailbox.c map.c message.c module.c names.c native.c observer.c on_complete.c on_task_end.c operation.c outcome.c
    own_hook.c parcel.c pointer_map.c prelude.c progress.c recording.c refusal.c registered.c relay.c report.c
    reporter.c request.c ring.c run.c runtime.c scheduler.c scope.c scope_call.c semaphore.c
    semaphore_methods.c shared.c span.c state.c stats.c submit.c tally.c task.c task_yield.c terms.c text.c timeout.c
    traceback.c urgency.c waitlist.c)

# Lua's functions are called through a table, see src/lua/api.h: the linker fills it for what is linked
# with a Lua, the module itself when it is opened.
target_compile_definitions(echo_lua_objects PRIVATE ECHO_VERSION="${PROJECT_VERSION}")
target_compile_options(echo_lua_objects PRIVATE -include ${PROJECT_SOURCE_DIR}/src/lua/api.h)
foreach(kind linked found)
  add_library(echo_lua_${kind} OBJECT ${PROJECT_SOURCE_DIR}/src/lua/api_${kind}.c)
  foreach(property INCLUDE_DIRECTORIES COMPILE_DEFINITIONS LINK_LIBRARIES)
    set_property(TARGET echo_lua_${kind} PROPERTY ${property}
      $<TARGET_PROPERTY:echo_lua_objects,${property}>)
  endforeach()
  target_compile_options(echo_lua_${kind} PRIVATE ${ECHO_WARNINGS})
endforeach()

# What is written in Lua becomes part of the module, see src/lua/prelude.h.
set(prelude ${PROJECT_BINARY_DIR}/generated/prelude_files.c)
file(GLOB prelude_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/lua/prelude/*.lua)
add_custom_command(OUTPUT ${prelude}
  COMMAND ${CMAKE_COMMAND} "-DOUTPUT=${prelude}" "-DFILES=${prelude_files}"
    -P ${PROJECT_SOURCE_DIR}/cmake/prelude.cmake
  DEPENDS ${prelude_files} ${PROJECT_SOURCE_DIR}/cmake/prelude.cmake VERBATIM)
target_sources(echo_lua_objects PRIVATE ${prelude})

# The same for programs that link Echo and have a Lua of their own, which they link too.
add_library(echo_lua_static STATIC ${ECHO_CORE_OBJECTS} $<TARGET_OBJECTS:echo_lua_objects>
  $<TARGET_OBJECTS:echo_lua_linked>)
target_link_libraries(echo_lua_static PUBLIC PkgConfig::LIBUV Threads::Threads ${CMAKE_DL_LIBS})
target_include_directories(echo_lua_static PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(echo_lua_static PROPERTIES OUTPUT_NAME echo-lua EXPORT_NAME lua)
add_library(echo::lua ALIAS echo_lua_static)

add_library(echo_module MODULE ${ECHO_CORE_OBJECTS} $<TARGET_OBJECTS:echo_lua_objects>
  $<TARGET_OBJECTS:echo_lua_found>)
target_link_libraries(echo_module PRIVATE PkgConfig::LIBUV Threads::Threads ${CMAKE_DL_LIBS})
set_target_properties(echo_module PROPERTIES PREFIX "" OUTPUT_NAME echo SUFFIX ".so"
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/module)
if(APPLE)
  target_link_options(echo_module PRIVATE -undefined dynamic_lookup)
else()
  # A thread may still be in the module's code when a host closes its state and unloads it.
  target_link_options(echo_module PRIVATE -Wl,-z,nodelete)
endif()
