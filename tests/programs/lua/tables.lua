-- Tables, closures, metatables, coroutines, string library, errors.
local function map(t, f) local r = {} for i, v in ipairs(t) do r[i] = f(v) end return r end
print(table.concat(map({1, 2, 3, 4}, function(x) return x * x end), " "))
local Account = {} Account.__index = Account
function Account.new(b) return setmetatable({balance = b}, Account) end
function Account:deposit(v) self.balance = self.balance + v return self end
print(Account.new(10):deposit(5):deposit(2.5).balance)
local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
local s = 0 for v in gen(100) do s = s + v end print(s)
print(("hello world"):gsub("o", "0"), ("%5.2f|%-5s|%05d|%x"):format(3.14159, "ab", 42, 255))
for k, v in string.gmatch("a=1, b=2", "(%w+)=(%w+)") do io.write(k, v, " ") end print()
print(pcall(error, {code = 2}) , select(2, pcall(error, "message", 0)))
print(select("#", 1, nil, 3), #"abc", 7 // 2, 7 % -3, 2 ^ 10, 1 << 8, 10 / 4, math.maxinteger)
local t = {5, 2, 8, 1, 9} table.sort(t, function(a, b) return a > b end) print(table.unpack(t))
print(string.rep("ab", 3, "-"), ("x"):byte(), string.char(72, 105), utf8.len("h\u{e9}"))
goto done
print("not reached")
::done::
local big = {} for i = 1, 100000 do big[i] = i end
collectgarbage() print(#big, math.type(1), math.type(1.0), tostring(nil))
print(load("return 6 * 7")(), type(_G), rawequal(big, big), os.getenv("HOME"))
