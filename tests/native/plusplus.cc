// A program in C++: what it makes is told by who made it; what there is no memory for throws, as ever.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace shop {
struct alignas(64) Receipt {
    long number;
    std::string text;
    std::unique_ptr<Receipt> next;
};

struct Cache {
    std::unique_ptr<Receipt> first;
    __attribute__((noinline)) void add(long number)
    {
        std::unique_ptr<Receipt> made(new Receipt{number, "receipt number " + std::to_string(number), nullptr});
        made->next = std::move(first);
        first = std::move(made);
    }
};

// Of these, `shapes` says no more than that they are some.
struct Shape {
    virtual ~Shape() = default;
    virtual double area() const { return 0; }
};

struct Circle : Shape {
    double radius = 1;
    double area() const override { return radius * radius * 3; }
};

struct Same : Shape {};

template <class Value> struct Wrapped : Shape {
    Value value{};
    double area() const override { return static_cast<double>(value.second); }
};

__attribute__((noinline)) int *count(int from) { return new int[25]{from}; }
}

static shop::Cache cache;
static int *counts[10];
static std::vector<shop::Shape *> shapes;
static int handled;

int main()
{
    volatile std::size_t most = static_cast<std::size_t>(-1) / 4;
    for (long number = 0; number < 100; number++)
        cache.add(number);
    for (int i = 0; i < 10; i++)
        counts[i] = shop::count(i);
    shapes.reserve(100);
    for (int i = 0; i < 20; i++) {
        shapes.push_back(new shop::Circle);
        shapes.push_back(new shop::Same);
        shapes.push_back(new shop::Wrapped<std::pair<long, long>>);
    }
    std::set_new_handler([] {
        if (++handled == 3)
            throw std::runtime_error("handled");
    });
    try {
        delete[] new char[most];
        return 2;
    } catch (const std::runtime_error &) {
    }
    std::set_new_handler(nullptr);
    if (new (std::nothrow) char[most])
        return 3;
    try {
        ::operator delete[](::operator new[](most, std::align_val_t(128)), std::align_val_t(128));
        return 4;
    } catch (const std::bad_alloc &) {
    }
    std::map<int, std::vector<std::string>> names;
    for (int i = 0; i < 1000; i++)
        names[i % 37].push_back("a name that does not fit into the string itself " + std::to_string(i));
    std::puts("listening");
    std::fflush(stdout);
    std::getchar();
    for (int *count : counts)
        delete[] count;
    double area = 0;
    for (shop::Shape *shape : shapes) {
        area += shape->area();
        delete shape;
    }
    if (area != 60)
        return 6;
    return handled == 3 ? 0 : 5;
}
