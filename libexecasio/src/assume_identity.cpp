#include "execasio/assume_identity.hpp"

#include "identity.hpp"
#include "linux/clone.hpp"

namespace execasio {

void assume_identity(std::optional<credentials> const& who, std::optional<capabilities> const& kept)
{
    command cmd;
    if (who)
        cmd.credentials(*who);
    if (kept)
        cmd.capabilities(*kept);
    detail::identity const wanted(cmd);
    sys::identity_plan plan = wanted.plan();
    plan.pass_on = false;
    sys::use_permitted_capabilities();
    sys::child_report report;
    report.where = stage::credentials;
    report.error = sys::change_identity(plan, report);
    if (report.error != 0)
        throw spawn_error(report.where, sys::error_of(report), wanted.user_text());
}

} // namespace execasio
