/** nginx in its two parts: the provider that answers from files, and the plain proxy that is the limit. */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { answerBody } from "./bodies.ts";
import { pathOf, SIZE_NAMES, SIZES, type Wire, WIRES } from "./places.ts";

/** Writes a provider's configuration and its answers. @returns the command that runs it in the foreground */
export async function nginxProvider(directory: string, port: number): Promise<readonly string[]> {
  for (const wire of Object.keys(WIRES) as Wire[]) {
    for (const size of SIZE_NAMES) {
      const file = join(directory, "www", pathOf({ kind: "plain", size, delay: 0 }), "v1", WIRES[wire]);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, answerBody(wire, SIZES[size]));
    }
  }
  return await nginx(
    join(directory, "provider"),
    `server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${directory}/www;
    default_type application/json;
    open_file_cache max=100;
    # A file answers GET; a POST gets the same.
    error_page 405 =200 $uri;
  }`,
  );
}

/** A plain `proxy_pass` with kept connections, the access log off, streams passed on at once. */
export async function nginxProxy(
  directory: string,
  port: number,
  files: string,
  paced: string,
): Promise<readonly string[]> {
  const upstream = (name: string, origin: string) =>
    `upstream ${name} { server ${new URL(origin).host}; keepalive 512; keepalive_requests 1000000; }`;
  return await nginx(
    join(directory, "proxy"),
    `${upstream("files", files)}
  ${upstream("paced", paced)}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 1h;
    proxy_buffers 16 32k;
    location ~ ^/plain/[^/]+/0/ { proxy_pass http://files; }
    location / { proxy_pass http://paced; proxy_buffering off; }
  }`,
  );
}

async function nginx(directory: string, server: string): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, "nginx.conf");
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${directory}/${kind};`).join(" ");
  // A worker of another user could not read what is in a private directory of ours.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  await writeFile(
    file,
    `${user}daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log error;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_requests 10000000;
  keepalive_timeout 120s;
  client_max_body_size 32m;
  client_body_buffer_size 1m;
  ${temporary}
  ${server}
}
`,
  );
  return ["nginx", "-c", file, "-p", directory, "-e", join(directory, "error.log")];
}
