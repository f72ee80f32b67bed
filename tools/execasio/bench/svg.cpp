#include "bench/svg.hpp"

#include "bench/exporters.hpp"
#include "bench/format.hpp"

namespace execasio_tool::bench {
namespace {

std::string attribute(char const* name, double value)
{
    return " " + std::string(name) + "=\"" + coordinate(value) + "\"";
}

std::string style_attribute(std::string const& style)
{
    return " class=\"" + style + "\"";
}

char const* name_of(svg::anchor a)
{
    switch (a) {
    case svg::anchor::start: return "start";
    case svg::anchor::middle: return "middle";
    case svg::anchor::end: return "end";
    }
    return "start";
}

} // namespace

std::string coordinate(double value)
{
    std::string text = fixed(value, 1);
    if (text.ends_with(".0"))
        text.resize(text.size() - 2);
    return text;
}

std::string series_style(std::size_t number)
{
    return "s" + std::to_string(number % 6);
}

std::string dots_style(std::size_t number, std::size_t dots)
{
    return series_style(number) + (dots <= 150 ? " few" : "");
}

svg::svg(double width, double height, std::string const& label)
    : out_("<svg viewBox=\"0 0 " + coordinate(width) + " " + coordinate(height) +
           "\" role=\"img\" aria-label=\"" + html_text(label) + "\">\n")
{
}

void svg::close_with(std::string const& title, char const* element)
{
    if (title.empty())
        out_ += "/>\n";
    else
        out_ += "><title>" + html_text(title) + "</title></" + element + ">\n";
}

void svg::line(double x1, double y1, double x2, double y2, char const* style)
{
    out_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
            attribute("y2", y2) + style_attribute(style) + "/>\n";
}

void svg::rectangle(double x, double y, double width, double height, char const* style,
                    std::string const& title)
{
    out_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
            attribute("height", height) + style_attribute(style);
    close_with(title, "rect");
}

void svg::circle(double x, double y, double radius, char const* style, std::string const& title)
{
    out_ += "<circle" + attribute("cx", x) + attribute("cy", y) + attribute("r", radius) +
            style_attribute(style);
    close_with(title, "circle");
}

void svg::text(double x, double y, anchor where, char const* style, std::string const& what,
               std::string const& title)
{
    out_ += "<text" + attribute("x", x) + attribute("y", y) + " text-anchor=\"" + name_of(where) +
            "\"" + style_attribute(style) + ">" + html_text(what);
    if (!title.empty())
        out_ += "<title>" + html_text(title) + "</title>";
    out_ += "</text>\n";
}

void svg::rotated_text(double x, double y, char const* style, std::string const& what)
{
    out_ += "<text transform=\"translate(" + coordinate(x) + " " + coordinate(y) +
            ") rotate(-90)\" text-anchor=\"middle\"" + style_attribute(style) + ">" +
            html_text(what) + "</text>\n";
}

void svg::path(std::string const& data, char const* style)
{
    out_ += "<path d=\"" + data + "\"" + style_attribute(style) + "/>\n";
}

void svg::begin_group(std::string const& style)
{
    out_ += "<g" + style_attribute(style) + ">\n";
}

void svg::end_group()
{
    out_ += "</g>\n";
}

std::string svg::finish()
{
    return out_ + "</svg>\n";
}

} // namespace execasio_tool::bench
