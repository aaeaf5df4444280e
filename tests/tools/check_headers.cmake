cmake_minimum_required(VERSION 3.22)

# What is installed is public: each header of Manul's that an installed one includes is installed too, and none includes
# a library that users need not have. (CUDA's own headers are for those who write kernels.)
function(check_headers include_folder)
  file(GLOB_RECURSE headers RELATIVE ${include_folder} ${include_folder}/*.h)
  list(LENGTH headers count)
  if(count LESS 40)
    message(FATAL_ERROR "${include_folder}: only ${count} headers were installed")
  endif()
  foreach(header IN LISTS headers)
    if(NOT header MATCHES "^manul/")
      message(FATAL_ERROR "${header} is installed outside include/manul")
    endif()
    file(STRINGS ${include_folder}/${header} includes REGEX "^#include")
    foreach(line IN LISTS includes)
      if(line MATCHES "\"(.*)\"")
        if(NOT EXISTS ${include_folder}/${CMAKE_MATCH_1})
          message(FATAL_ERROR "${header} includes ${CMAKE_MATCH_1}, which is not installed")
        endif()
      endif()
      if(line MATCHES "<(Eigen|opencv2|hdf5|H5|nlohmann|jpeglib|turbojpeg|png|CLI|cublas|cudnn|benchmark)")
        message(FATAL_ERROR "${header} includes a library that users need not have: ${line}")
      endif()
    endforeach()
  endforeach()
endfunction()

# The header of the standard library that each name comes from.
set(standard_names
  "algorithm|(all_of|any_of|clamp|copy|copy_n|count|equal|fill|fill_n|find|find_if|max|max_element|min|min_element|none_of|reverse|sort|transform)\\("
  "array|array<" "atomic|atomic[<_]" "chrono|chrono::" "cmath|(ceil|exp|floor|isfinite|isnan|log|pow|round|sqrt|tanh)\\("
  "condition_variable|condition_variable" "cstdint|[^a-z_]u?int(8|16|32|64)_t" "cstring|mem(cpy|set|cmp)\\(" "deque|deque<"
  "filesystem|filesystem::" "functional|function<" "limits|numeric_limits<" "map|(multi)?map<"
  "memory|(make_|enable_)?(shared|unique)(_ptr|_from_this)?<|weak_ptr<" "mutex|(mutex|lock_guard|unique_lock|scoped_lock)[^a-z_]"
  "optional|(optional<|nullopt)" "set|set<" "span|span<" "string|(string[^a-z_]|to_string\\()" "string_view|string_view"
  "thread|thread[^a-z_]" "tuple|(tuple<|tie\\()" "unordered_map|unordered_map<" "variant|(variant<|visit\\(|monostate)" "vector|vector<")

# Sets `provided` to the headers of the standard library that a header includes, or those that it includes do.
function(standard_headers include_folder header)
  get_property(known GLOBAL PROPERTY standard_headers_of_${header} SET)
  if(NOT known)
    set(all)
    file(STRINGS ${include_folder}/${header} includes REGEX "^#include")
    foreach(line IN LISTS includes)
      if(line MATCHES "<([a-z_]+)>")
        list(APPEND all ${CMAKE_MATCH_1})
      elseif(line MATCHES "\"(.*)\"")
        standard_headers(${include_folder} ${CMAKE_MATCH_1})
        list(APPEND all ${provided})
      endif()
    endforeach()
    list(REMOVE_DUPLICATES all)
    set_property(GLOBAL PROPERTY standard_headers_of_${header} "${all}")
  endif()
  get_property(all GLOBAL PROPERTY standard_headers_of_${header})
  set(provided ${all} PARENT_SCOPE)
endfunction()

# Each header includes what declares the names of the standard library that it uses.
function(check_standard_names include_folder)
  file(GLOB_RECURSE headers RELATIVE ${include_folder} ${include_folder}/*.h)
  foreach(header IN LISTS headers)
    standard_headers(${include_folder} ${header})
    file(STRINGS ${include_folder}/${header} code REGEX "std::|int[0-9]+_t")
    list(FILTER code EXCLUDE REGEX "^ *//")
    foreach(name IN LISTS standard_names)
      string(REGEX MATCH "^[a-z_]+" from "${name}")
      string(LENGTH "${from}|" start)
      string(SUBSTRING "${name}" ${start} -1 name)
      if(NOT from STREQUAL "cstdint")
        string(PREPEND name "std::")
      endif()
      if(NOT from IN_LIST provided AND code MATCHES "${name}")
        message(SEND_ERROR "${header} uses ${CMAKE_MATCH_0}, but includes no <${from}>")
      endif()
    endforeach()
  endforeach()
endfunction()
