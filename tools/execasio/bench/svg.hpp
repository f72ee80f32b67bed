#pragma once

#include <string>

namespace execasio_tool::bench {

/// A drawing as inline SVG. Its colours come from the classes that the page's style knows
/// (html_style.hpp), so that it follows the reader's light or dark mode.
class svg {
public:
    enum class anchor { start, middle, end };

    /// @param label What a screen reader says.
    svg(double width, double height, std::string const& label);

    void line(double x1, double y1, double x2, double y2, char const* style);
    void rectangle(double x, double y, double width, double height, char const* style,
                   std::string const& title = "");
    void circle(double x, double y, double radius, char const* style,
                std::string const& title = "");
    void text(double x, double y, anchor where, char const* style, std::string const& what,
              std::string const& title = "");
    void rotated_text(double x, double y, char const* style, std::string const& what);
    void path(std::string const& data, char const* style);

    /// What is drawn until `end_group` has the class as well, which gives it a series' colour.
    void begin_group(std::string const& style);
    void end_group();

    [[nodiscard]] std::string finish();

private:
    void close_with(std::string const& title, char const* element);

    std::string out_;
};

/// A coordinate: a tenth of a pixel is enough.
std::string coordinate(double value);

/// The class of a series of data, by its number.
std::string series_style(std::size_t number);

/// The same for so many dots: few are drawn stronger.
std::string dots_style(std::size_t number, std::size_t dots);

} // namespace execasio_tool::bench
