/** Draws the points with WebGL: places and looks lie on the card, a frame costs the script three calls. */

import { GROUND, opacityOfPass, type Frame, type KindLook, type Renderer, type Scene } from "./drawing";
import type { Size } from "./camera";
import { PASSES } from "./world";

const MOST_KINDS = 32;

const VERTEX = `
attribute vec2 a_from;
attribute vec2 a_to;
attribute vec4 a_look;
uniform vec4 u_kinds[${MOST_KINDS}];
uniform vec2 u_scale, u_shift;
uniform float u_t, u_size, u_pass, u_opacity;
varying vec4 v_colour;
varying float v_shape, v_size, v_ring;
void main() {
  if (abs(a_look.y - u_pass) > 0.5) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 1.0;
    return;
  }
  vec4 kind = u_kinds[int(a_look.x)];
  float grown = a_look.w > 0.5 ? smoothstep(0.0, 0.8, u_t) : 1.0;
  v_size = u_size * grown * (u_pass > 2.5 ? 1.5 : u_pass < 0.5 ? 0.8 : 1.0) * (a_look.z > 0.5 ? 1.25 : 1.0);
  v_shape = kind.w;
  v_ring = a_look.z;
  v_colour = vec4(kind.rgb, u_opacity);
  gl_Position = vec4(mix(a_from, a_to, u_t) * u_scale + u_shift, 0.0, 1.0);
  gl_PointSize = v_size * 1.35 + 2.0;
}`;

// Distances are in pixels from the edge of the shape, so that edges are smooth at every size.
const FRAGMENT = `
precision mediump float;
const vec3 GROUND = vec3(${GROUND.map((channel) => (channel / 255).toFixed(4)).join(", ")});
varying vec4 v_colour;
varying float v_shape, v_size, v_ring;
float edge(vec2 p, float r) {
  vec2 q = abs(p);
  if (v_shape < 0.5 || r < 1.8) return length(p) - r;
  if (v_shape < 1.5) return max(q.x, q.y) - 0.87 * r;
  if (v_shape < 3.5) {
    float y = v_shape < 2.5 ? p.y : -p.y;
    return max(q.x * 0.87 - y * 0.49 - 0.56 * r, y - 0.9 * r);
  }
  if (v_shape < 4.5) return (q.x + q.y) * 0.707 - 0.85 * r;
  return max(min(q.x, q.y) - 0.4 * r, max(q.x, q.y) - 1.1 * r);
}
void main() {
  vec2 p = (gl_PointCoord - 0.5) * (v_size * 1.35 + 2.0);
  float r = v_size * 0.5;
  float d = edge(p, r);
  float inside = clamp(0.5 - d, 0.0, 1.0);
  // a dark rim keeps neighbours apart, a bright one marks favourites
  float rim = v_ring > 0.5 ? max(1.2, 0.22 * r) : r > 3.5 ? 0.9 : 0.0;
  vec3 colour = d > -rim ? (v_ring > 0.5 ? vec3(1.0) : GROUND) : v_colour.rgb;
  float alpha = inside * v_colour.a;
  gl_FragColor = vec4(colour * alpha, alpha);
}`;

export class WebglRenderer implements Renderer {
  readonly name = "webgl";
  private program: WebGLProgram | null = null;
  private readonly places = new Map<string, WebGLUniformLocation | null>();
  private buffers: Record<"from" | "to" | "look", WebGLBuffer | null> = { from: null, to: null, look: null };
  private loaded = -1;
  private palette = new Float32Array(4 * MOST_KINDS);

  private constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly gl: WebGLRenderingContext,
    onRestored: () => void,
  ) {
    this.prepare();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.prepare();
      onRestored();
    });
  }

  /** None where the browser has no WebGL. */
  static on(canvas: HTMLCanvasElement, onRestored: () => void): WebglRenderer | null {
    const gl = canvas.getContext("webgl", { alpha: false, antialias: false, powerPreference: "high-performance" });
    return gl ? new WebglRenderer(canvas, gl, onRestored) : null;
  }

  setLooks(kinds: readonly KindLook[]): void {
    kinds.slice(0, MOST_KINDS).forEach((kind, i) => {
      this.palette.set([...kind.rgb.map((channel) => channel / 255), kind.shape], 4 * i);
    });
  }

  resize(size: Size, density: number): void {
    this.canvas.width = Math.round(size.width * density);
    this.canvas.height = Math.round(size.height * density);
  }

  draw(scene: Scene, frame: Frame): void {
    const { gl, canvas } = this;
    if (gl.isContextLost() || !this.program) return;
    if (scene.version !== this.loaded) this.load(scene);
    const { camera, size } = frame;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(GROUND[0] / 255, GROUND[1] / 255, GROUND[2] / 255, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const scale = [(2 * camera.sx) / size.width, (2 * camera.sy) / size.height];
    gl.uniform2f(this.place("u_scale"), scale[0], scale[1]);
    gl.uniform2f(this.place("u_shift"), -camera.cx * scale[0], -camera.cy * scale[1]);
    gl.uniform4fv(this.place("u_kinds"), this.palette);
    gl.uniform1f(this.place("u_t"), frame.t);
    gl.uniform1f(this.place("u_size"), frame.diameter * frame.density);
    for (const pass of PASSES) {
      const opacity = opacityOfPass(frame, pass);
      if (!opacity) continue;
      gl.uniform1f(this.place("u_pass"), pass);
      gl.uniform1f(this.place("u_opacity"), opacity);
      gl.drawArrays(gl.POINTS, 0, scene.n);
    }
  }

  private place(name: string): WebGLUniformLocation | null {
    let place = this.places.get(name);
    if (place === undefined && this.program) {
      place = this.gl.getUniformLocation(this.program, name);
      this.places.set(name, place);
    }
    return place ?? null;
  }

  private prepare(): void {
    const { gl } = this;
    const program = gl.createProgram();
    if (!program) return;
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(type);
      if (!shader) return;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the points' shader can't be used: ${gl.getProgramInfoLog(program)}`);
    }
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.program = program;
    this.places.clear();
    this.buffers = { from: gl.createBuffer(), to: gl.createBuffer(), look: gl.createBuffer() };
    this.loaded = -1;
  }

  /** Put places and looks on the card, in drawing order. */
  private load(scene: Scene): void {
    const { n, order } = scene;
    const from = new Float32Array(2 * n);
    const to = new Float32Array(2 * n);
    const look = new Uint8Array(4 * n);
    const looks = new Uint32Array(look.buffer);
    const given = new Uint32Array(scene.look.buffer, scene.look.byteOffset, n);
    for (let i = 0; i < n; i++) {
      const row = order[i];
      from[2 * i] = scene.from[2 * row];
      from[2 * i + 1] = scene.from[2 * row + 1];
      to[2 * i] = scene.to[2 * row];
      to[2 * i + 1] = scene.to[2 * row + 1];
      looks[i] = given[row];
    }
    this.fill("from", "a_from", from, 2, this.gl.FLOAT);
    this.fill("to", "a_to", to, 2, this.gl.FLOAT);
    this.fill("look", "a_look", look, 4, this.gl.UNSIGNED_BYTE);
    this.loaded = scene.version;
  }

  private fill(
    name: "from" | "to" | "look",
    attribute: string,
    data: Float32Array | Uint8Array,
    width: number,
    type: number,
  ): void {
    const { gl } = this;
    if (!this.program) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    const at = gl.getAttribLocation(this.program, attribute);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, width, type, false, 0, 0);
  }
}
