#include "bench/plan.hpp"

#include "bench/words.hpp"

namespace execasio_tool::bench {
namespace {

class planner {
public:
    explicit planner(settings const& s) : settings_(s) {}

    [[nodiscard]] benchmark command(std::size_t index, assignment const& parameters) const
    {
        benchmark b;
        b.is_reference = index == settings_.commands.size();
        std::string const& line = b.is_reference ? *settings_.reference : settings_.commands[index];
        b.line = substitute(line, parameters);
        b.name = index < settings_.names.size() ? substitute(settings_.names[index], parameters)
                                                : b.line;
        b.parameters = parameters;
        b.command = index;
        // Where each command has one of its own, the reference's stands in front.
        std::size_t const place = !settings_.reference ? index : (b.is_reference ? 0 : index + 1);
        b.setup = substitute(settings_.setup.value_or(""), parameters);
        b.prepare = substitute(pick(settings_.prepare, place), parameters);
        b.conclude = substitute(pick(settings_.conclude, place), parameters);
        b.cleanup = substitute(settings_.cleanup.value_or(""), parameters);
        static_cast<void>(words_of(b.line, settings_)); // refused now, not after an hour
        return b;
    }

private:
    static std::string pick(std::vector<std::string> const& list, std::size_t index)
    {
        if (list.empty())
            return "";
        return list.size() == 1 ? list.front() : list[index];
    }

    settings const& settings_;
};

} // namespace

std::vector<turn_group> make_plan(settings const& s)
{
    planner const make(s);
    std::vector<turn_group> plan;
    std::size_t const commands = s.commands.size();
    auto const all = combinations(s.scans);
    if (s.paired) {
        for (assignment const& parameters : all) {
            turn_group group;
            for (std::size_t i = 0; i <= commands; ++i)
                group.push_back(make.command(i, parameters));
            plan.push_back(std::move(group));
        }
        return plan;
    }
    if (s.reference)
        for (assignment const& parameters : all)
            plan.push_back({make.command(commands, parameters)});
    for (std::size_t i = 0; i < commands; ++i)
        for (assignment const& parameters : all)
            plan.push_back({make.command(i, parameters)});
    return plan;
}

std::vector<std::string> words_of(std::string const& line, settings const& s)
{
    if (s.shell.empty())
        return split_words(line);
    std::vector<std::string> words = s.shell;
    words.push_back(line);
    return words;
}

} // namespace execasio_tool::bench
