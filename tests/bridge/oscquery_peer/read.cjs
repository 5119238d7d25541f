// Finds a bridge by mDNS, reads its namespace, listens to /klustr/hit; tells it all as lines of JSON.
const { OSCQueryDiscovery } = require("oscquery");
const WebSocket = require("ws");

const port = Number(process.argv[2]);
const tell = (what, value) => console.log(JSON.stringify([what, value]));

function listen(host) {
  const socket = new WebSocket(`ws://${host.wsIp}:${host.wsPort}`);
  socket.on("open", () => {
    socket.send(JSON.stringify({ COMMAND: "LISTEN", DATA: "/klustr/hit" }));
    socket.ping();
  });
  socket.on("pong", () => tell("listening", true));
  socket.on("message", (data, isBinary) => {
    tell("heard", { isBinary, address: data.toString("latin1").split("\0")[0] });
    process.exit(0);
  });
}

function read(service) {
  if (service.port !== port) return;
  tell("host", service.hostInfo);
  tell("methods", service.flat());
  listen(service.hostInfo);
}

const discovery = new OSCQueryDiscovery();
discovery.on("up", read);
discovery.on("error", (error) => tell("error", String(error)));
if (process.argv[3] === "find") discovery.start();
else discovery.queryNewService("127.0.0.1", port);
