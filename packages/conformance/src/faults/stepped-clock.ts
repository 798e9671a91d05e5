// Preloaded into a server, whose clock it then sets: by so many seconds from the beginning, and by so
// many once the process is sent SIGUSR2. What the system and its files say of the time stays right.
const given = (name: string): number => Number(process.env[name] ?? 0) * 1000;

const now = Date.now.bind(Date);
let offset = given("TALLYSTICK_CLOCK_OFFSET");

Date.now = () => now() + offset;
process.once("SIGUSR2", () => {
  offset += given("TALLYSTICK_CLOCK_STEP");
  process.stdout.write("the clock is stepped\n");
});
