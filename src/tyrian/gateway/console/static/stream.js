// Reads a chat completion from the API: server-sent events in, plain objects out.

/** The payloads of an event stream, as {event, data}. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += value;
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const found = parse(block);
        if (found) yield found;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  let event = "message";
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: data.join("\n") } : null;
}

/** An answer of the API that is an error; `report` is what the guards said, if they did. */
export class ApiError extends Error {
  constructor(status, answer) {
    super(answer?.error?.message ?? `The gateway answered with status ${status}.`);
    this.status = status;
    this.report = answer?.tyrian ?? null;
  }
}

/** One call of the API; throws ApiError for any status that is not 200. */
export async function call(path, key, body, signal) {
  const response = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
  });
  if (response.ok) return response;
  throw new ApiError(response.status, await response.json().catch(() => null));
}
