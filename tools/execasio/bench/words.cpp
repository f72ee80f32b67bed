#include "bench/words.hpp"

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
        bool const substitution = c == '$' && at_ < line_.size() && line_[at_] == '(';
        if (std::string_view("|&;<>`").find(c) != std::string_view::npos || substitution)
            throw std::invalid_argument("in '" + line_ + "' the '" + std::string(1, c) +
                                        "' wants a shell: use --shell default, or quote it");
        word() += c;
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
