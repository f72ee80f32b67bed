#include "term.hpp"

#include "term_layout.hpp"

#include <array>
#include <limits>
#include <new>
#include <vector>

namespace exec_port {
namespace {

unsigned char byte_at(std::string_view bytes, std::size_t position) noexcept
{
    return static_cast<unsigned char>(bytes[position]);
}

std::uint32_t big_endian(std::string_view bytes) noexcept
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        value = value << 8 | byte_at(bytes, i);
    return value;
}

/// Sign byte, then digits, the lowest first. Leading zero digits are legal and change nothing.
std::optional<std::int64_t> small_enough(std::string_view bytes) noexcept
{
    std::uint64_t magnitude = 0;
    for (std::size_t i = bytes.size(); i-- > 1;) {
        if (magnitude >> 56 != 0)
            return std::nullopt;
        magnitude = magnitude << 8 | byte_at(bytes, i);
    }

    constexpr auto highest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    bool const negative = bytes[0] != 0;
    if (magnitude > highest + (negative ? 1 : 0))
        return std::nullopt;
    // Conversion is modular since C++20, so that the lowest integer needs no special case.
    return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

struct unfinished {
    std::uint64_t children; // still to come
    std::uint64_t payload;  // bytes behind the children
};

/// A stack that takes no memory for the nesting of requests.
class unfinished_terms {
public:
    [[nodiscard]] bool empty() const noexcept { return depth_ == 0; }
    unfinished& top() noexcept
    {
        return depth_ <= few_.size() ? few_[depth_ - 1] : more_[depth_ - 1 - few_.size()];
    }

    /// @return False when it is too deep, or there is no memory for that.
    bool push(unfinished const& u) noexcept
    {
        if (depth_ == term_depth_max)
            return false;
        if (depth_ < few_.size()) {
            few_[depth_++] = u;
            return true;
        }
        try {
            more_.push_back(u);
        } catch (std::bad_alloc const&) {
            return false;
        }
        ++depth_;
        return true;
    }

    void pop() noexcept
    {
        if (depth_-- > few_.size())
            more_.pop_back();
    }

private:
    std::array<unfinished, 32> few_; // filled up to depth_
    std::vector<unfinished> more_;
    std::size_t depth_ = 0;
};

} // namespace

/// Reads terms off the front of bytes that nobody has checked yet.
class term_reader {
public:
    explicit term_reader(std::string_view bytes) noexcept : rest_(bytes) {}

    std::string_view rest() const noexcept { return rest_; }

    /// Reads a term with all that is in it. An explicit stack, because nesting is the sender's
    /// choice and must not become the depth of our calls.
    bool read(term& result) noexcept
    {
        unfinished_terms open;
        unfinished now{};
        if (!read_head(result, now))
            return false;
        for (;;) {
            if (now.children != 0) {
                if (!open.push(now))
                    return false;
            } else if (!skip(now.payload)) {
                return false;
            }

            for (; !open.empty() && open.top().children == 0; open.pop())
                if (!skip(open.top().payload))
                    return false;
            if (open.empty())
                return true;

            --open.top().children;
            term inner;
            if (!read_head(inner, now))
                return false;
        }
    }

private:
    bool read_head(term& t, unfinished& what) noexcept
    {
        if (rest_.empty() || term_layout_index[byte_at(rest_, 0)] == no_term_layout)
            return false;
        term_layout const& form = term_layouts[term_layout_index[byte_at(rest_, 0)]];
        if (rest_.size() < 1U + form.size_field)
            return false;

        t.kind_ = form.kind;
        t.type_ = form.type;
        t.size_ = big_endian(rest_.substr(1, form.size_field));
        rest_.remove_prefix(1U + form.size_field);

        // 64 bits: no sum of a 32-bit size field can overflow. Every child takes a byte or more.
        std::uint64_t const size = t.size_;
        what.children = form.children + form.children_per_size * size;
        std::int64_t const payload =
            form.payload + static_cast<std::int64_t>(form.payload_per_size * size);
        if (payload < 0)
            return false;
        what.payload = static_cast<std::uint64_t>(payload);
        if (what.children > rest_.size() || what.payload > rest_.size() - what.children)
            return false;

        t.bytes_ = what.children != 0 ? rest_ : rest_.substr(0, what.payload);
        set_value(t);
        return true;
    }

    static void set_value(term& t) noexcept
    {
        if (t.kind_ == term_kind::integer) {
            std::uint32_t const bits = big_endian(t.bytes_);
            t.value_ = t.bytes_.size() == 4 ? static_cast<std::int32_t>(bits)
                                            : static_cast<std::int64_t>(bits);
        } else if (t.kind_ == term_kind::big_integer) {
            if (auto const value = small_enough(t.bytes_)) {
                t.kind_ = term_kind::integer;
                t.value_ = *value;
            }
        }
    }

    bool skip(std::uint64_t count) noexcept
    {
        if (count > rest_.size())
            return false;
        rest_.remove_prefix(count);
        return true;
    }

    std::string_view rest_;
};

term_cursor::term_cursor(term const& container) noexcept
{
    if (container.kind_ == term_kind::list || container.kind_ == term_kind::tuple) {
        rest_ = container.bytes_;
        left_ = container.size_;
    }
}

std::optional<term> term_cursor::next() noexcept
{
    if (left_ == 0)
        return std::nullopt;
    --left_;
    return tail();
}

std::optional<term> term_cursor::tail() noexcept
{
    term_reader reader(rest_);
    term t;
    if (!reader.read(t))
        return std::nullopt;
    rest_ = reader.rest();
    return t;
}

std::optional<term> parse_term(std::string_view frame) noexcept
{
    constexpr char expected = '\x83';
    if (frame.empty() || frame[0] != expected)
        return std::nullopt;
    term_reader reader(frame.substr(1));
    term t;
    if (!reader.read(t) || !reader.rest().empty())
        return std::nullopt;
    return t;
}

bool is_proper_list(term const& t) noexcept
{
    if (t.kind() != term_kind::list)
        return t.kind() == term_kind::nil;
    term_cursor cursor(t);
    while (cursor.next()) {
    }
    auto const tail = cursor.tail();
    return tail && tail->kind() == term_kind::nil;
}

std::optional<std::string> to_text(term const& t)
{
    switch (t.kind()) {
    case term_kind::nil: return std::string();
    case term_kind::string:
    case term_kind::binary: return std::string(t.bytes());
    case term_kind::list: break;
    default: return std::nullopt;
    }

    std::string text;
    term_cursor cursor(t);
    while (auto const item = cursor.next()) {
        if (item->kind() != term_kind::integer || item->value() < 0 || item->value() > 255)
            return std::nullopt;
        text.push_back(static_cast<char>(item->value()));
    }
    auto const tail = cursor.tail();
    if (!tail || tail->kind() != term_kind::nil)
        return std::nullopt;
    return text;
}

} // namespace exec_port
