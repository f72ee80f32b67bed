#include "execasio/credentials.hpp"

namespace execasio {

credentials credentials::user(std::string name)
{
    return credentials(name_or_number(std::move(name)));
}

credentials credentials::user(uid_t number)
{
    return credentials(name_or_number(number));
}

credentials& credentials::group(std::string name)
{
    group_ = std::move(name);
    return *this;
}

credentials& credentials::group(gid_t number)
{
    group_ = number;
    return *this;
}

credentials& credentials::no_supplementary_groups()
{
    others_.emplace();
    return *this;
}

credentials& credentials::supplementary_group(std::string name)
{
    if (!others_)
        others_.emplace();
    others_->emplace_back(std::move(name));
    return *this;
}

credentials& credentials::supplementary_group(gid_t number)
{
    if (!others_)
        others_.emplace();
    others_->emplace_back(number);
    return *this;
}

credentials& credentials::login_environment()
{
    login_environment_ = true;
    return *this;
}

} // namespace execasio
