#include "bench/words.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace execasio_tool::bench {
namespace {

class splitter {
public:
    explicit splitter(std::string const& line) : line_(line) {}

    std::vector<std::string> words()
    {
        while (at_ < line_.size()) {
            char const c = line_[at_++];
            if (c == '\n' && line_.find_first_not_of(" \t\n", at_) != std::string::npos &&
                word_seen())
                throw wants_shell("end of a line");
            if (c == ' ' || c == '\t' || c == '\n')
                end_word();
            else if (c == '\'')
                single_quoted();
            else if (c == '"')
                double_quoted();
            else if (c == '\\')
                escaped();
            else
                plain(c);
        }
        end_word();
        if (words_.empty())
            throw std::invalid_argument("a command is empty");
        return std::move(words_);
    }

private:
    std::string& word()
    {
        if (!word_)
            word_.emplace();
        return *word_;
    }

    void end_word()
    {
        if (word_)
            words_.push_back(std::move(*word_));
        word_.reset();
    }

    void plain(char c)
    {
        bool const home = c == '~' && !word_;
        bool const assignment = c == '=' && words_.empty() && word_ && is_name(*word_);
        if (is_pattern(c))
            throw wants_shell(std::string("'") + c + "'");
        if (std::string_view("|&;<>`*?").find(c) != std::string_view::npos || home || assignment ||
            is_expansion(c))
            throw wants_shell(std::string("'") + c + "'");
        word() += c;
    }

    /// "[ab]" and "{a,b}"; a lone bracket is a program.
    [[nodiscard]] bool is_pattern(char c) const
    {
        auto const rest = std::string_view(line_).substr(at_);
        auto const word = rest.substr(0, rest.find_first_of(" \t\n"));
        if (c == '[')
            return word.find(']') != std::string_view::npos;
        auto const close = c == '{' ? word.find('}') : std::string_view::npos;
        return close != std::string_view::npos &&
               (word.substr(0, close).find(',') != std::string_view::npos ||
                word.substr(0, close).find("..") != std::string_view::npos);
    }

    /// What a shell would replace, within double quotes, too.
    [[nodiscard]] bool is_expansion(char c) const
    {
        return c == '`' || (c == '$' && at_ < line_.size() &&
                            (is_name_character(line_[at_]) ||
                             std::string_view("({?!$#@*-").find(line_[at_]) != std::string::npos));
    }

    static bool is_name_character(char c)
    {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    }

    static bool is_name(std::string const& text)
    {
        return !text.empty() && (text[0] < '0' || text[0] > '9') &&
               std::all_of(text.begin(), text.end(), is_name_character);
    }

    [[nodiscard]] bool word_seen() const { return word_ || !words_.empty(); }

    [[nodiscard]] std::invalid_argument wants_shell(std::string const& what) const
    {
        return std::invalid_argument("in '" + line_ + "' the " + what +
                                     " wants a shell: use --shell default, or quote it by '...'");
    }

    void single_quoted()
    {
        std::size_t const end = line_.find('\'', at_);
        if (end == std::string::npos)
            throw unfinished();
        word().append(line_, at_, end - at_);
        at_ = end + 1;
    }

    void double_quoted()
    {
        word(); // "" is a word
        for (;;) {
            if (at_ >= line_.size())
                throw unfinished();
            char c = line_[at_++];
            if (c == '"')
                return;
            if (is_expansion(c))
                throw wants_shell(std::string("'") + c + "'");
            bool const escapes = c == '\\' && at_ < line_.size() &&
                                 std::string_view("$`\"\\\n").find(line_[at_]) != std::string::npos;
            if (escapes)
                c = line_[at_++];
            if (!(escapes && c == '\n'))
                word() += c;
        }
    }

    void escaped()
    {
        if (at_ >= line_.size())
            throw unfinished();
        char const c = line_[at_++];
        if (c != '\n') // a line that is continued
            word() += c;
    }

    [[nodiscard]] std::invalid_argument unfinished() const
    {
        return std::invalid_argument("a quote is left open in '" + line_ + "'");
    }

    std::string const& line_;
    std::size_t at_ = 0;
    std::optional<std::string> word_;
    std::vector<std::string> words_;
};

} // namespace

std::vector<std::string> split_words(std::string const& line)
{
    return splitter(line).words();
}

std::string quoted(std::string const& word)
{
    constexpr char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_@%+=:,./-";
    if (!word.empty() && word.find_first_not_of(harmless) == std::string::npos)
        return word;
    std::string text = "'";
    for (char const c : word)
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

} // namespace execasio_tool::bench
