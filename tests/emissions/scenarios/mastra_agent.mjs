// An agent of Mastra's, with a model of OpenAI's.
import { Mastra } from '@mastra/core';
import { Agent } from '@mastra/core/agent';
import { createTool } from '@mastra/core/tools';
import { Observability } from '@mastra/observability';
import { OtelExporter } from '@mastra/otel-exporter';
import { createOpenAI } from '@ai-sdk/openai';
import { z } from 'zod';

const said = JSON.parse(process.env.SAID);
const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: 'fake' });
const get_weather = createTool({
  id: said.TOOL_NAME, description: said.TOOL_TEXT, inputSchema: z.object({ city: z.string() }),
  execute: async () => said.TOOL_RESULT,
});
const weatherman = new Agent({
  id: 'weatherman', name: 'weatherman', instructions: said.BRIEF, model: openai.chat(said.MODEL), tools: { get_weather },
  maxRetries: 0,
});
const endpoint = `${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces`;
const exporter = new OtelExporter({ provider: { custom: { endpoint, protocol: 'http/protobuf' } } });
const observability = new Observability({ configs: { otel: { serviceName: 'corpus', exporters: [exporter] } } });
const mastra = new Mastra({ agents: { weatherman }, observability, logger: false });
const agent = mastra.getAgent('weatherman');
const metadata = { sessionId: said.SESSION, userId: said.USER, plan: said.PLAN };
const options = {
  tracingOptions: { metadata, tags: said.TAGS }, modelSettings: { temperature: 0.25, maxOutputTokens: 345, maxRetries: 0 },
};
const image = { type: 'image', image: said.PIXEL_URL };
const asked = [
  said.PLAIN, said.WEATHER, said.MANUAL, said.PRIMES,
  [{ role: 'user', content: [{ type: 'text', text: said.PICTURE }, image] }],
];
for (const question of asked) await agent.generate(question, options);
for await (const _ of (await agent.stream(said.STREAMED, options)).textStream);
try { await agent.generate(said.FAIL, options); } catch (error) { console.log(error.name); }
await observability.shutdown();
process.exit(0);
