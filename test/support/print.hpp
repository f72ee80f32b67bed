#pragma once

#include <execasio/error.hpp>
#include <execasio/exit_record.hpp>

#include <ostream>

// How Boost.Test shows our values.
namespace execasio {

inline std::ostream& operator<<(std::ostream& out, errc e)
{
    return out << make_error_code(e).message();
}

inline std::ostream& operator<<(std::ostream& out, stage s)
{
    return out << to_string(s);
}

inline std::ostream& operator<<(std::ostream& out, end_cause c)
{
    return out << to_string(c);
}

} // namespace execasio
