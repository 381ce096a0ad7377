/*
 * Lua's functions, by way of a table.
 *
 * The module links no Lua, and must work where the dynamic linker finds none: in a program with a
 * static Lua that exports nothing, or with a liblua that was loaded for one library alone. And
 * where it finds one that is not the one that runs the state, it must not use that. So the module
 * gets the addresses when it is opened, from whoever opens it (api_found.c), and all of this layer
 * calls Lua's functions through this table: this header is included before any other, and from then
 * on a name stands for the table's entry. What is linked with a Lua has the table filled by the
 * linker (api_linked.c).
 *
 * The table is written before any state uses it, and never again. A function that is missing here
 * is taken past the table, which spec/hosts/symbols.sh finds.
 */
#ifndef ECHO_LUA_API_H
#define ECHO_LUA_API_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* X(function): those that this layer calls. */
/* clang-format off */
#define ECHO__API_MAP(X) \
  X(luaL_addstring) X(luaL_argerror) X(luaL_buffinit) X(luaL_checkany) \
  X(luaL_checklstring) X(luaL_checkoption) X(luaL_checkstack) X(luaL_checktype) \
  X(luaL_checkversion_) X(luaL_error) X(luaL_fileresult) X(luaL_getmetafield) \
  X(luaL_getsubtable) X(luaL_gsub) X(luaL_len) X(luaL_loadbufferx) X(luaL_openlibs) \
  X(luaL_optinteger) X(luaL_prepbuffsize) X(luaL_pushresult) X(luaL_ref) X(luaL_requiref) \
  X(luaL_setfuncs) X(luaL_testudata) X(luaL_tolstring) X(luaL_traceback) X(luaL_typeerror) \
  X(luaL_unref) X(luaL_where) X(lua_absindex) X(lua_callk) X(lua_checkstack) X(lua_close) \
  X(lua_concat) X(lua_copy) X(lua_createtable) X(lua_dump) X(lua_error) X(lua_gc) \
  X(lua_getallocf) X(lua_getfield) X(lua_getglobal) X(lua_gethook) X(lua_gethookcount) \
  X(lua_gethookmask) X(lua_geti) X(lua_getinfo) X(lua_getiuservalue) X(lua_getlocal) \
  X(lua_getmetatable) X(lua_getstack) X(lua_gettable) X(lua_gettop) X(lua_getupvalue) \
  X(lua_iscfunction) X(lua_isinteger) X(lua_isstring) X(lua_isyieldable) X(lua_load) \
  X(lua_newstate) X(lua_newthread) X(lua_newuserdatauv) X(lua_next) X(lua_pcallk) \
  X(lua_pushboolean) X(lua_pushcclosure) X(lua_pushfstring) X(lua_pushinteger) \
  X(lua_pushlightuserdata) X(lua_pushlstring) X(lua_pushnil) X(lua_pushnumber) X(lua_pushstring) \
  X(lua_pushthread) X(lua_pushvalue) X(lua_rawequal) X(lua_rawget) X(lua_rawgeti) X(lua_rawgetp) \
  X(lua_rawlen) X(lua_rawset) X(lua_rawseti) X(lua_rawsetp) X(lua_resetthread) X(lua_resume) \
  X(lua_rotate) X(lua_setallocf) X(lua_setfield) X(lua_sethook) X(lua_setiuservalue) \
  X(lua_setmetatable) X(lua_settop) X(lua_setupvalue) X(lua_status) X(lua_toboolean) \
  X(lua_tocfunction) X(lua_toclose) X(lua_tointegerx) X(lua_tolstring) X(lua_tonumberx) \
  X(lua_topointer) X(lua_tothread) X(lua_touserdata) X(lua_type) X(lua_typename) \
  X(lua_upvalueid) X(lua_upvaluejoin) X(lua_version) X(lua_xmove) X(lua_yieldk)
/* clang-format on */

typedef struct echo__api {
#define ECHO__API_MEMBER(function) __typeof__(function) *function##_;
  ECHO__API_MAP(ECHO__API_MEMBER)
#undef ECHO__API_MEMBER
} echo__api;

extern echo__api echo__lua_api;

/* The files that fill the table name the functions themselves. */
#ifndef ECHO__API_ITSELF
#define luaL_addstring        echo__lua_api.luaL_addstring_
#define luaL_argerror         echo__lua_api.luaL_argerror_
#define luaL_buffinit         echo__lua_api.luaL_buffinit_
#define luaL_checkany         echo__lua_api.luaL_checkany_
#define luaL_checklstring     echo__lua_api.luaL_checklstring_
#define luaL_checkoption      echo__lua_api.luaL_checkoption_
#define luaL_checkstack       echo__lua_api.luaL_checkstack_
#define luaL_checktype        echo__lua_api.luaL_checktype_
#define luaL_checkversion_    echo__lua_api.luaL_checkversion__
#define luaL_error            echo__lua_api.luaL_error_
#define luaL_fileresult       echo__lua_api.luaL_fileresult_
#define luaL_getmetafield     echo__lua_api.luaL_getmetafield_
#define luaL_getsubtable      echo__lua_api.luaL_getsubtable_
#define luaL_gsub             echo__lua_api.luaL_gsub_
#define luaL_len              echo__lua_api.luaL_len_
#define luaL_loadbufferx      echo__lua_api.luaL_loadbufferx_
#define luaL_openlibs         echo__lua_api.luaL_openlibs_
#define luaL_optinteger       echo__lua_api.luaL_optinteger_
#define luaL_prepbuffsize     echo__lua_api.luaL_prepbuffsize_
#define luaL_pushresult       echo__lua_api.luaL_pushresult_
#define luaL_ref              echo__lua_api.luaL_ref_
#define luaL_requiref         echo__lua_api.luaL_requiref_
#define luaL_setfuncs         echo__lua_api.luaL_setfuncs_
#define luaL_testudata        echo__lua_api.luaL_testudata_
#define luaL_tolstring        echo__lua_api.luaL_tolstring_
#define luaL_traceback        echo__lua_api.luaL_traceback_
#define luaL_typeerror        echo__lua_api.luaL_typeerror_
#define luaL_unref            echo__lua_api.luaL_unref_
#define luaL_where            echo__lua_api.luaL_where_
#define lua_absindex          echo__lua_api.lua_absindex_
#define lua_callk             echo__lua_api.lua_callk_
#define lua_checkstack        echo__lua_api.lua_checkstack_
#define lua_close             echo__lua_api.lua_close_
#define lua_concat            echo__lua_api.lua_concat_
#define lua_copy              echo__lua_api.lua_copy_
#define lua_createtable       echo__lua_api.lua_createtable_
#define lua_dump              echo__lua_api.lua_dump_
#define lua_error             echo__lua_api.lua_error_
#define lua_gc                echo__lua_api.lua_gc_
#define lua_getallocf         echo__lua_api.lua_getallocf_
#define lua_getfield          echo__lua_api.lua_getfield_
#define lua_getglobal         echo__lua_api.lua_getglobal_
#define lua_gethook           echo__lua_api.lua_gethook_
#define lua_gethookcount      echo__lua_api.lua_gethookcount_
#define lua_gethookmask       echo__lua_api.lua_gethookmask_
#define lua_geti              echo__lua_api.lua_geti_
#define lua_getinfo           echo__lua_api.lua_getinfo_
#define lua_getiuservalue     echo__lua_api.lua_getiuservalue_
#define lua_getlocal          echo__lua_api.lua_getlocal_
#define lua_getmetatable      echo__lua_api.lua_getmetatable_
#define lua_getstack          echo__lua_api.lua_getstack_
#define lua_gettable          echo__lua_api.lua_gettable_
#define lua_gettop            echo__lua_api.lua_gettop_
#define lua_getupvalue        echo__lua_api.lua_getupvalue_
#define lua_iscfunction       echo__lua_api.lua_iscfunction_
#define lua_isinteger         echo__lua_api.lua_isinteger_
#define lua_isstring          echo__lua_api.lua_isstring_
#define lua_isyieldable       echo__lua_api.lua_isyieldable_
#define lua_load              echo__lua_api.lua_load_
#define lua_newstate          echo__lua_api.lua_newstate_
#define lua_newthread         echo__lua_api.lua_newthread_
#define lua_newuserdatauv     echo__lua_api.lua_newuserdatauv_
#define lua_next              echo__lua_api.lua_next_
#define lua_pcallk            echo__lua_api.lua_pcallk_
#define lua_pushboolean       echo__lua_api.lua_pushboolean_
#define lua_pushcclosure      echo__lua_api.lua_pushcclosure_
#define lua_pushfstring       echo__lua_api.lua_pushfstring_
#define lua_pushinteger       echo__lua_api.lua_pushinteger_
#define lua_pushlightuserdata echo__lua_api.lua_pushlightuserdata_
#define lua_pushlstring       echo__lua_api.lua_pushlstring_
#define lua_pushnil           echo__lua_api.lua_pushnil_
#define lua_pushnumber        echo__lua_api.lua_pushnumber_
#define lua_pushstring        echo__lua_api.lua_pushstring_
#define lua_pushthread        echo__lua_api.lua_pushthread_
#define lua_pushvalue         echo__lua_api.lua_pushvalue_
#define lua_rawequal          echo__lua_api.lua_rawequal_
#define lua_rawget            echo__lua_api.lua_rawget_
#define lua_rawgeti           echo__lua_api.lua_rawgeti_
#define lua_rawgetp           echo__lua_api.lua_rawgetp_
#define lua_rawlen            echo__lua_api.lua_rawlen_
#define lua_rawset            echo__lua_api.lua_rawset_
#define lua_rawseti           echo__lua_api.lua_rawseti_
#define lua_rawsetp           echo__lua_api.lua_rawsetp_
#define lua_resetthread       echo__lua_api.lua_resetthread_
#define lua_resume            echo__lua_api.lua_resume_
#define lua_rotate            echo__lua_api.lua_rotate_
#define lua_setallocf         echo__lua_api.lua_setallocf_
#define lua_setfield          echo__lua_api.lua_setfield_
#define lua_sethook           echo__lua_api.lua_sethook_
#define lua_setiuservalue     echo__lua_api.lua_setiuservalue_
#define lua_setmetatable      echo__lua_api.lua_setmetatable_
#define lua_settop            echo__lua_api.lua_settop_
#define lua_setupvalue        echo__lua_api.lua_setupvalue_
#define lua_status            echo__lua_api.lua_status_
#define lua_toboolean         echo__lua_api.lua_toboolean_
#define lua_tocfunction       echo__lua_api.lua_tocfunction_
#define lua_toclose           echo__lua_api.lua_toclose_
#define lua_tointegerx        echo__lua_api.lua_tointegerx_
#define lua_tolstring         echo__lua_api.lua_tolstring_
#define lua_tonumberx         echo__lua_api.lua_tonumberx_
#define lua_topointer         echo__lua_api.lua_topointer_
#define lua_tothread          echo__lua_api.lua_tothread_
#define lua_touserdata        echo__lua_api.lua_touserdata_
#define lua_type              echo__lua_api.lua_type_
#define lua_typename          echo__lua_api.lua_typename_
#define lua_upvalueid         echo__lua_api.lua_upvalueid_
#define lua_upvaluejoin       echo__lua_api.lua_upvaluejoin_
#define lua_version           echo__lua_api.lua_version_
#define lua_xmove             echo__lua_api.lua_xmove_
#define lua_yieldk            echo__lua_api.lua_yieldk_
#endif

#endif
