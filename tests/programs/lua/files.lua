-- exit=5
-- Files, pipes to other programs, the os library, exit status.
local dir = arg[1]
local name = dir .. "/data"
local f = assert(io.open(name, "w"))
for i = 1, 1000 do f:write(i, " ", i * i, "\n") end
f:close()
local n, sum = 0, 0
for line in io.lines(name) do local a, b = line:match("(%d+) (%d+)") n = n + 1 sum = sum + b end
print(n, sum)
f = io.open(name, "rb") print(f:seek("end")) f:seek("set", 4) print(f:read("l")) print(f:read("n", "n")) f:close()
print(io.open("/no/such/file"))
local p = io.popen("sort -rn " .. name .. " | head -n 2") io.write(p:read("a")) print(p:close())
p = io.popen("exit 7") print(p:close())
p = io.popen("kill -9 $$") print(p:close())
p = io.popen("tr a-z A-Z", "w") p:write("to another program\n") p:close()
print(os.execute("exit 3")) print(os.execute("true"))
print(os.rename(name, name .. "2"), os.remove(name .. "2"), (os.remove(name)))
local t = os.tmpname() print(type(t), os.remove(t))
print(os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365), os.time() > 1700000000, os.clock() >= 0)
io.stderr:write("to stderr\n")
print(os.setlocale("C"), io.type(io.stdout))
print(pcall(require, "no.such.module") == false)
os.exit(5)
