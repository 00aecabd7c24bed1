# The 35th number of Fibonacci, the slow way.


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


number = fibonacci(35)
print(f"fibonacci(35) is {number}")
assert number == 9_227_465
