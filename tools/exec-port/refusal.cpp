#include "refusal.hpp"

namespace exec_port {

refusal refusal::because(execasio::error_code ec)
{
    if (ec == boost::system::errc::no_such_process)
        return atom("esrch");
    if (ec == boost::system::errc::operation_not_permitted)
        return atom("eperm");
    if (ec == boost::system::errc::invalid_argument)
        return atom("einval");
    if (ec == boost::system::errc::permission_denied)
        return atom("eacces");
    return text(ec.message());
}

} // namespace exec_port
