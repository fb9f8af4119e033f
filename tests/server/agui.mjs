// Lets the official client of AG-UI run an agent, as its standard input says, a step per line.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [modules, url, token, threadId] = process.argv.slice(2);
const { HttpAgent } = createRequire(`${modules}/`)("@ag-ui/client");
const agent = new HttpAgent({ url, threadId, headers: { Authorization: `Bearer ${token}` } });

for await (const line of createInterface({ input: process.stdin })) {
  const { add = [], ...step } = JSON.parse(line);
  for (const message of add) agent.addMessage(message);
  const events = [];
  const told = { events };
  try {
    await agent.runAgent(step, { onEvent: ({ event }) => void events.push(event) });
  } catch (error) {
    told.error = String(error);
  }
  told.messages = agent.messages;
  told.state = agent.state;
  console.log(JSON.stringify(told));
}
