// Vercel's AI SDK: `node vercel_calls.mjs [LegacyOpenTelemetry | OpenTelemetry]`, the integration from version 7 on.
import * as ai from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { createAnthropic } from '@ai-sdk/anthropic';
import { z } from 'zod';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';

const said = JSON.parse(process.env.SAID);
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();
const integration = process.argv[2];
if (integration) ai.registerTelemetry(new (await import('@ai-sdk/otel'))[integration]());
const metadata = { sessionId: said.SESSION, userId: said.USER, tags: said.TAGS, plan: said.PLAN };
const told = integration
  ? { telemetry: { isEnabled: true, functionId: 'corpus' } }
  : { experimental_telemetry: { isEnabled: true, functionId: 'corpus', metadata } };
const common = { maxRetries: 0, providerOptions: { openai: { store: false } }, ...told };
const get_weather = ai.tool({
  description: said.TOOL_TEXT, inputSchema: z.object({ city: z.string() }), execute: async () => said.TOOL_RESULT,
});
const image = { type: 'image', image: said.PIXEL_URL };
const history = [
  { role: 'user', content: said.FIRST }, { role: 'assistant', content: said.FIRST_ANSWER },
  { role: 'user', content: said.SECOND },
];

async function talk(model, told) {
  const ask = (more) => ai.generateText({ model, ...common, ...more });
  await ask({ [told]: said.BRIEF, prompt: said.PLAIN, temperature: 0.25, maxOutputTokens: 345 });
  for await (const _ of ai.streamText({ model, ...common, prompt: said.STREAMED }).textStream);
  await ask({ prompt: said.WEATHER, tools: { get_weather }, stopWhen: ai.stepCountIs(3) });
  await ask({ prompt: said.MANUAL });
  await ask({ prompt: said.PRIMES });
  await ask({ messages: [{ role: 'user', content: [{ type: 'text', text: said.PICTURE }, image] }] });
  await ask({ messages: history });
  try { await ask({ prompt: said.FAIL }); } catch (error) { console.log(error.name); }
}

const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: 'fake' });
const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1`, apiKey: 'fake' });
const system = integration ? 'instructions' : 'system';
await talk(openai.chat(said.MODEL), system);
await talk(openai.responses(said.MODEL), system);
await talk(anthropic(said.CLAUDE), system);
await ai.embedMany({ model: openai.textEmbeddingModel(said.EMBEDDER), values: said.EMBEDDED, ...common });
await provider.shutdown();
