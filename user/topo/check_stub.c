#include "topo/parser.h"
void check_networks(struct parser *p)
{
	(void)p;
}
void check_peerings(struct parser *p)
{
	(void)p;
}
void check_sites(struct parser *p)
{
	(void)p;
}
void check_gateways(struct parser *p)
{
	(void)p;
}
void check_circuits(struct parser *p)
{
	(void)p;
}
void check_connections(struct parser *p)
{
	(void)p;
}
void check_gateway_addresses(struct parser *p)
{
	(void)p;
}
void check_asns(struct parser *p)
{
	(void)p;
}
void check_limits(struct parser *p)
{
	(void)p;
}
void check_overlaps(struct parser *p)
{
	(void)p;
}
void check_tests(struct parser *p)
{
	(void)p;
}
