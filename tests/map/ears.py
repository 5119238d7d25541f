"""What a page is asked to keep for a test: how loud it is, and what goes over its socket."""

EARS = """
(() => {
  const connect = AudioNode.prototype.connect;
  const stop = AudioScheduledSourceNode.prototype.stop;
  const all = [];
  window.ears = { stops: 0, starts: 0 };
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode) {
      const ear = new AnalyserNode(to.context, { fftSize: 32768 });
      connect.call(this, ear);
      all.push(ear);
    }
    return connect.call(this, to, ...rest);
  };
  AudioScheduledSourceNode.prototype.stop = function (...when) {
    ears.stops++;
    return stop.call(this, ...when);
  };
  /** The largest sample that goes to the loudspeakers, of the last 2048. */
  ears.peak = () => Math.max(0, ...all.map((ear) => {
    const samples = new Float32Array(2048);
    ear.getFloatTimeDomainData(samples);
    return Math.max(...samples.map(Math.abs));
  }));
})();
"""

SOCKET = """
(() => {
  window.wire = { said: [], socket: null };
  window.WebSocket = class extends WebSocket {
    constructor(url) {
      super(url);
      wire.socket = this;
    }
    send(text) {
      wire.said.push(JSON.parse(text));
      super.send(text);
    }
  };
  wire.says = (address) => wire.said.filter((one) => one.address === address).map((one) => one.arguments);
  wire.hear = (address, ...values) => {
    wire.socket.onmessage({ data: JSON.stringify({ address, arguments: values }) });
  };
})();
"""
