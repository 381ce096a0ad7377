-- Numbers that a seed determines, in tasks too: the function travels.

-- random(n): an integer from 1 to n.
return function(seed)
  local x = seed * 0x9E3779B97F4A7C15 + 0x2545F4914F6CDD1D
  if x == 0 then
    x = 1
  end
  return function(n)
    x = x ~ (x << 13)
    x = x ~ (x >> 7)
    x = x ~ (x << 17)
    return (x >> 11) % n + 1
  end
end
